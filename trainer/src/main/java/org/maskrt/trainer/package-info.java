/**
 * Training on DJL's PyTorch engine: the models' maths on differentiable arrays, the published losses, and the loops around them.
 *
 * <p>Shape letters: B batch, C channels, H and W height and width, N tokens, D width, P parameters of a model in all.
 */
@NullMarked
package org.maskrt.trainer;

import org.jspecify.annotations.NullMarked;

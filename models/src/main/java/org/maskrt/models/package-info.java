/**
 * What a model is. Shape letters: B batch, N tokens, K kept tokens, D width, H heads, C channels, P patch size, S timesteps of a generation.
 */
@NullMarked
package org.maskrt.models;

import org.jspecify.annotations.NullMarked;

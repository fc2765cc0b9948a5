/** E-MD3C: object customisation with a masked diffusion transformer (arXiv 2502.09164). */
@NullMarked
package org.maskrt.models.emd3c;

import org.jspecify.annotations.NullMarked;

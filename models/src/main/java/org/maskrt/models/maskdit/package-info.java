/** MaskDiT (Zheng et al., 2023), with the preconditioning of EDM (Karras et al., 2022). */
@NullMarked
package org.maskrt.models.maskdit;

import org.jspecify.annotations.NullMarked;

/** MDT, versions 1 and 2 (Gao et al., 2023). */
@NullMarked
package org.maskrt.models.mdt;

import org.jspecify.annotations.NullMarked;

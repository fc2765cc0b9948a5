/** DiT (Peebles and Xie, 2023). */
@NullMarked
package org.maskrt.models.dit;

import org.jspecify.annotations.NullMarked;

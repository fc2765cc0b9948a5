/** Cases recorded from the published PyTorch code, and the comparison with them. */
@NullMarked
package org.maskrt.models.reference;

import org.jspecify.annotations.NullMarked;

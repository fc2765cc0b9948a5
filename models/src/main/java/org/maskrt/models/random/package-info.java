/** Random numbers that do not depend on the machine: PyTorch's own CPU stream, and a counter-based stream for each image. */
@NullMarked
package org.maskrt.models.random;

import org.jspecify.annotations.NullMarked;

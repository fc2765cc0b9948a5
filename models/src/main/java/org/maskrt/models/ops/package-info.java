/** The operation vocabulary and its interpreters on the host. */
@NullMarked
package org.maskrt.models.ops;

import org.jspecify.annotations.NullMarked;

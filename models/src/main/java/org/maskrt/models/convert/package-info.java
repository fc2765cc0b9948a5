/** Published checkpoints of other projects as models: which model their keys and shapes make, and under which names it wants them. */
@NullMarked
package org.maskrt.models.convert;

import org.jspecify.annotations.NullMarked;

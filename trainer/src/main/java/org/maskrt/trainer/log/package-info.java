/** What a training run leaves to look at: a table, TensorBoard events, a plot. */
@NullMarked
package org.maskrt.trainer.log;

import org.jspecify.annotations.NullMarked;

/**
 * Sampling: {@code DiffusionPipeline} turns class labels and seeds into pictures, on a {@link
 * org.maskrt.runtime.Backend} that runs the exported graphs. Shape letters as in {@code org.maskrt.models}; K is the width of the
 * modulation that the conditioner gives a row.
 */
@NullMarked
package org.maskrt.runtime;

import org.jspecify.annotations.NullMarked;

/**
 * The seam to an accelerator: memory, streams, captured graphs and compiled engines, as far as a sampler needs them. Sizes and offsets are in
 * bytes. Everything that can be closed belongs to whoever made it and is closed once, in the order captured graph, context, engine, stream,
 * memory, device.
 */
@NullMarked
package org.maskrt.runtime.device;

import org.jspecify.annotations.NullMarked;

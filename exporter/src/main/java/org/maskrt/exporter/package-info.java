/**
 * The inference graphs as ONNX: an interpreter of {@link org.maskrt.models.ops.Ops} that emits nodes, the files with external data, and the
 * export that checks each file and compares it with the eager model.
 *
 * <p>Shape letters are those of {@code org.maskrt.models}: B batch, S timesteps, N tokens, D width, K width of the whole modulation, H heads.
 */
@NullMarked
package org.maskrt.exporter;

import org.jspecify.annotations.NullMarked;

package org.maskrt.perf.metrics;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import org.maskrt.models.ops.Tensor;

/** Collects rows [n,D] into blocks of one size in native memory, through one buffer that is used again and again. */
final class RowBuffer {
    private final NDManager manager;
    private final int blockRows;
    private final int width;
    private final ByteBuffer staging;
    private int filled;

    RowBuffer(NDManager manager, int blockRows, int width) {
        this.manager = manager;
        this.blockRows = blockRows;
        this.width = width;
        this.staging = ByteBuffer.allocateDirect(Math.multiplyExact(blockRows * Float.BYTES, width))
                .order(ByteOrder.nativeOrder());
    }

    /** Hands full blocks, fp32 [rows,D], over to {@code sink}, whose they are. */
    void add(Tensor rows, Consumer<NDArray> sink) {
        if (rows.shape().rank() != 2 || rows.dim(1) != width) {
            throw new IllegalArgumentException("expected rows of " + width + " features, got " + rows);
        }
        int left = rows.dim(0);
        int from = 0;
        while (left > 0) {
            int count = Math.min(left, blockRows - filled);
            staging.asFloatBuffer().put(filled * width, rows.values(), from * width, count * width);
            filled += count;
            from += count;
            left -= count;
            if (filled == blockRows) {
                flush(sink);
            }
        }
    }

    /** The rows that no block holds yet. */
    int pending() {
        return filled;
    }

    /** Hands over what is there, if anything. */
    void flush(Consumer<NDArray> sink) {
        if (filled > 0) {
            ByteBuffer rows = staging.duplicate().order(ByteOrder.nativeOrder()).limit(filled * width * Float.BYTES);
            NDArray block;
            // such an array lies on the buffer's own memory
            try (NDArray view = manager.create(rows, new Shape(filled, width), DataType.FLOAT32)) {
                block = view.duplicate();
            }
            filled = 0;
            sink.accept(block);
        }
    }
}

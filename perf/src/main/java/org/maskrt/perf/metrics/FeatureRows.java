package org.maskrt.perf.metrics;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.maskrt.models.ops.Tensor;
import org.maskrt.trainer.Torch;

/** Rows of features that are kept, fp32 in native memory. For use by one thread. */
public final class FeatureRows implements AutoCloseable {
    static final int BLOCK_ROWS = 2048;

    private final NDManager manager;
    private final int width;
    private final RowBuffer buffer;
    private final List<NDArray> blocks = new ArrayList<>();
    private final List<NDArray> norms = new ArrayList<>();
    private int rows;

    /** @param width D, the number of features of a row */
    public FeatureRows(int width) {
        this.manager = Torch.engine().newBaseManager();
        this.width = width;
        this.buffer = new RowBuffer(manager, BLOCK_ROWS, width);
    }

    /** Adds rows [n,D]. */
    public void add(Tensor features) {
        rows += features.dim(0);
        buffer.add(features, this::keep);
    }

    private void keep(NDArray block) {
        NDArray kept = manager.create(block.getShape(), DataType.FLOAT32);
        block.copyTo(kept);
        blocks.add(kept);
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray norm = block.square().sum(new int[] {1});
            NDArray keptNorm = manager.create(new Shape(norm.size()), DataType.FLOAT32);
            norm.copyTo(keptNorm);
            norms.add(keptNorm);
            NDScope.unregister(keptNorm);
        }
    }

    /** D, the number of features of a row. */
    public int width() {
        return width;
    }

    /** How many rows were added. */
    public int rows() {
        return rows;
    }

    /** The number of blocks, of {@link #BLOCK_ROWS} rows but for the last. */
    int blocks() {
        buffer.flush(this::keep);
        return blocks.size();
    }

    /**
     * Squared Euclidean distances [rows of the block i here, rows of the block j of other], as |a|^2 - 2 a b + |b|^2. The caller owns the
     * array.
     */
    NDArray squaredDistances(int i, FeatureRows other, int j) {
        NDArray a = blocks.get(i);
        NDArray b = other.blocks.get(j);
        return a.matMul(b.transpose())
                .muli(-2)
                .addi(norms.get(i).reshape(-1, 1))
                .addi(other.norms.get(j).reshape(1, -1))
                .maximum(0);
    }

    @Override
    public void close() {
        manager.close();
    }
}

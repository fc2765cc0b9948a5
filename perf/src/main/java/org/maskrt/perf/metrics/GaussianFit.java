package org.maskrt.perf.metrics;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.trainer.Torch;

/**
 * Mean and covariance of rows of features, in double precision, from one pass over them: nothing but sums is kept. They are taken about the
 * mean of the first rows, so that large means cost no digits. For use by one thread.
 */
public final class GaussianFit implements AutoCloseable {
    private static final int BLOCK_ROWS = 512;

    private final NDManager manager;
    private final int width;
    private final RowBuffer buffer;
    private final NDArray sum;
    private final NDArray products;
    private final NDArray about;
    private long rows;

    /** @param width D, the number of features of a row */
    public GaussianFit(int width) {
        this.manager = Torch.engine().newBaseManager();
        this.width = width;
        this.buffer = new RowBuffer(manager, BLOCK_ROWS, width);
        this.sum = manager.zeros(new Shape(width), DataType.FLOAT64);
        this.about = manager.zeros(new Shape(width), DataType.FLOAT64);
        this.products = manager.zeros(new Shape(width, width), DataType.FLOAT64);
    }

    /** Adds rows [n,D]. */
    public void add(Tensor features) {
        buffer.add(features, this::flush);
    }

    private void flush(NDArray block) {
        long count = block.getShape().get(0);
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray x = block.toType(DataType.FLOAT64, true);
            if (rows == 0) {
                about.addi(x.mean(new int[] {0}));
            }
            x.subi(about);
            sum.addi(x.sum(new int[] {0}));
            products.addi(x.transpose().matMul(x));
        }
        rows += count;
    }

    /** How many rows were added. */
    public long rows() {
        return rows + buffer.pending();
    }

    /**
     * The distribution, with the unbiased covariance, as {@code numpy.cov} has it.
     *
     * @throws IllegalStateException if fewer than two rows were added
     */
    public Gaussian fit() {
        buffer.flush(this::flush);
        if (rows < 2) {
            throw new IllegalStateException("a covariance needs two rows or more, got " + rows);
        }
        double[] mean = sum.toDoubleArray();
        double[] covariance = products.toDoubleArray();
        for (int i = 0; i < width; i++) {
            for (int j = 0; j < width; j++) {
                covariance[i * width + j] = (covariance[i * width + j] - mean[i] * mean[j] / rows) / (rows - 1);
            }
        }
        double[] shift = about.toDoubleArray();
        for (int i = 0; i < width; i++) {
            mean[i] = mean[i] / rows + shift[i];
        }
        return new Gaussian(mean, covariance);
    }

    @Override
    public void close() {
        manager.close();
    }
}

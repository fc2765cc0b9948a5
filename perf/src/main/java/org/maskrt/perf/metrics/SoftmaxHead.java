package org.maskrt.perf.metrics;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.NpyArray;
import org.maskrt.models.ops.Tensor;
import org.maskrt.trainer.Torch;

/** The last layer of a classifier, softmax(pool W) without a bias, as ADM's evaluator takes Inception's. For use by one thread. */
final class SoftmaxHead implements AutoCloseable {
    private static final long MAX_WEIGHTS = 100_000_000;
    private static final int BLOCK_ROWS = 256;

    private final NDManager manager = Torch.engine().newBaseManager();
    private final Path file;
    private final NDArray weights;
    private final RowBuffer rows;

    /**
     * Reads W.
     *
     * @param file a .npy array [D,classes]
     * @throws MaskRtException if it is something else
     */
    SoftmaxHead(Path file) {
        this.file = file;
        try (NpyArray array = NpyArray.open(file)) {
            long[] shape = array.shape();
            if (shape.length != 2 || shape[0] < 1 || shape[1] < 1 || shape[0] > MAX_WEIGHTS / shape[1]) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        file + ": expected weights [features,classes], received " + Arrays.toString(shape)
                                + "; transpose them, or name another file");
            }
            float[] values = new float[(int) (shape[0] * shape[1])];
            array.read(values, 0, values.length);
            weights = manager.create(values, new Shape(shape));
            rows = new RowBuffer(manager, BLOCK_ROWS, (int) shape[0]);
        } catch (RuntimeException e) {
            manager.close();
            throw e;
        }
    }

    /** Pool features [n,D] to probabilities [n,classes]. */
    Tensor probabilities(Tensor pool) {
        long width = weights.getShape().get(0);
        if (pool.dim(1) != width) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    file + ": expected weights of " + pool.dim(1) + " pool features, received " + weights.getShape()
                            + "; name those of the network that the features come from");
        }
        int classes = (int) weights.getShape().get(1);
        FloatBuffer logits = FloatBuffer.allocate(pool.dim(0) * classes);
        Consumer<NDArray> sink = block -> {
            try (block;
                    NDArray part = block.matMul(weights)) {
                logits.put(part.toFloatArray());
            }
        };
        rows.add(pool, sink);
        rows.flush(sink);
        return softmax(Tensor.of(logits.array(), pool.dim(0), classes));
    }

    /** Rows of logits to rows of probabilities. */
    static Tensor softmax(Tensor logits) {
        int classes = logits.dim(1);
        float[] out = new float[logits.size()];
        double[] powers = new double[classes];
        for (int row = 0; row < logits.dim(0); row++) {
            int at = row * classes;
            double largest = Double.NEGATIVE_INFINITY;
            for (int c = 0; c < classes; c++) {
                largest = Math.max(largest, logits.values()[at + c]);
            }
            double sum = 0;
            for (int c = 0; c < classes; c++) {
                powers[c] = Math.exp(logits.values()[at + c] - largest);
                sum += powers[c];
            }
            for (int c = 0; c < classes; c++) {
                out[at + c] = (float) (powers[c] / sum);
            }
        }
        return Tensor.of(out, logits.shape());
    }

    /** {@code source} with the probabilities that follow from its pool features. */
    FeatureSource on(FeatureSource source) {
        if (!source.has().contains(Feature.POOL)) {
            return source;
        }
        return new FeatureSource() {
            @Override
            public Set<Feature> has() {
                Set<Feature> has = EnumSet.copyOf(source.has());
                has.add(Feature.PROBABILITIES);
                return has;
            }

            @Override
            public int count() {
                return source.count();
            }

            @Override
            public void read(Set<Feature> wanted, Consumer<Map<Feature, Tensor>> sink) {
                if (!wanted.contains(Feature.PROBABILITIES)) {
                    source.read(wanted, sink);
                    return;
                }
                Set<Feature> inner = EnumSet.copyOf(wanted);
                inner.remove(Feature.PROBABILITIES);
                inner.add(Feature.POOL);
                source.read(inner, rows -> {
                    Map<Feature, Tensor> more = new LinkedHashMap<>(rows);
                    Tensor pool = rows.get(Feature.POOL);
                    if (pool != null) {
                        more.put(Feature.PROBABILITIES, probabilities(pool));
                    }
                    sink.accept(more);
                });
            }
        };
    }

    @Override
    public void close() {
        manager.close();
    }
}

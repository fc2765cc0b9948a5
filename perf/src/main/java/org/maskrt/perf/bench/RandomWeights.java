package org.maskrt.perf.bench;

import java.util.Map;
import java.util.SplittableRandom;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/** Weights of about the size that keeps activations near one: a function of seed and path, so none is kept. */
final class RandomWeights {
    private RandomWeights() {}

    static Weights of(String name, Denoiser model, long seed) {
        Map<String, Shape> shapes = WeightCheck.wanted(model);
        return Weights.lazy(name + " with random weights", shapes, (path, shape) -> tensor(path, shape, seed));
    }

    static Tensor tensor(String path, Shape shape, long seed) {
        SplittableRandom random = new SplittableRandom(path.hashCode() * 31L + seed);
        double scale = shape.rank() < 2 ? 0.05 : 1 / Math.sqrt(shape.size() / (double) shape.dim(0));
        float[] values = new float[shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (scale * (2 * random.nextDouble() - 1));
        }
        return Tensor.of(values, shape);
    }
}

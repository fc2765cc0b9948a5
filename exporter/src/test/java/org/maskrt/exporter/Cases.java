package org.maskrt.exporter;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

/** Weights for tests. */
final class Cases {
    private Cases() {}

    /** Exports the graphs of {@code model} that {@code options} name. */
    static List<ExportReport> export(
            ExportOptions options, EagerJudge judge, Denoiser model, Weights weights, Path onnx) {
        return new OnnxExporter(options, judge, ExportListener.NONE).export(model, weights, onnx);
    }

    /** N(0, s) with s such that every path of a model counts and nothing explodes. */
    static Weights random(Map<String, Shape> shapes, long seed) {
        Random random = new Random(seed);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        shapes.forEach((key, shape) -> {
            int fanIn = shape.rank() < 2 ? 1 : shape.size() / shape.dim(0);
            double std = shape.rank() < 2 ? 0.1 : 0.7 / Math.sqrt(fanIn);
            float[] values = new float[shape.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (std * random.nextGaussian());
            }
            tensors.put(key, Tensor.of(values, shape));
        });
        return Weights.of("random weights, seed " + seed, tensors);
    }
}

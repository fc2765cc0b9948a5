package org.maskrt.exporter;

import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/** Weights [in,out] as int8, symmetric, with a scale for each output channel: w is about scale * level, the level in -127..127. */
final class Quantisation {
    private static final int LEVELS = 127;

    private Quantisation() {}

    /** max|w| / 127 of each column, [out]; 1 where a column is zero. */
    static Tensor scales(Tensor weight) {
        int out = weight.shape().dim(1);
        float[] scales = new float[out];
        float[] w = weight.values();
        for (int i = 0; i < w.length; i++) {
            // unlike a comparison, max lets NaN through, which the writer then refuses
            scales[i % out] = Math.max(scales[i % out], Math.abs(w[i]));
        }
        for (int o = 0; o < out; o++) {
            scales[o] = scales[o] == 0 ? 1 : scales[o] / LEVELS;
        }
        return Tensor.of(scales, Shape.of(out));
    }

    /** The nearest levels, [in,out]. */
    static Tensor levels(Tensor weight) {
        float[] scales = scales(weight).values();
        float[] w = weight.values();
        float[] levels = new float[w.length];
        for (int i = 0; i < w.length; i++) {
            levels[i] = (float) Math.rint(w[i] / scales[i % scales.length]);
        }
        return Tensor.of(levels, weight.shape());
    }
}

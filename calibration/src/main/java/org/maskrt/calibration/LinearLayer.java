package org.maskrt.calibration;

import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Tensor;

/** A linear and what was recorded of its input: all that its scales depend on. */
public final class LinearLayer {
    private final String path;
    private final float[] weight;
    private final int out;
    private final Statistics inputs;

    /**
     * @param weight [out, in]
     * @throws MaskRtException (NOT_FINITE) naming the path if a weight is NaN or infinite, (USAGE) if the inputs have another width
     */
    public LinearLayer(String path, Tensor weight, Statistics inputs) {
        if (weight.shape().rank() != 2 || weight.dim(1) != inputs.channels()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    path + ": expected weights [out, " + inputs.channels()
                            + "] as the recorded inputs have channels, received " + weight.shape()
                            + "; calibrate with the weights that are quantised");
        }
        Finite.require(path + ".weight", weight.values());
        this.path = path;
        this.weight = weight.values();
        this.out = weight.dim(0);
        this.inputs = inputs;
    }

    public int in() {
        return inputs.channels();
    }

    public int out() {
        return out;
    }

    /** W, row-major [out, in]; not a copy. */
    float[] weight() {
        return weight;
    }

    Statistics inputs() {
        return inputs;
    }

    /** The largest magnitude of the weights of each input channel, [in]. */
    float[] columnMax() {
        float[] max = new float[in()];
        for (int i = 0; i < weight.length; i++) {
            int j = i % max.length;
            max[j] = Math.max(max[j], Math.abs(weight[i]));
        }
        return max;
    }

    /** W s, row-major [out, in]. */
    float[] smoothedWeight(float[] factors) {
        if (factors.length == 0) {
            return weight;
        }
        float[] smoothed = new float[weight.length];
        for (int i = 0; i < weight.length; i++) {
            smoothed[i] = weight[i] * factors[i % factors.length];
        }
        return smoothed;
    }

    /** The scale of each output channel of {@code smoothed}. */
    float[] rowScales(Format format, float[] smoothed) {
        return format.rowScales(path + ".weight", smoothed, out);
    }

    /** The scale of x / s over all recorded timesteps. */
    float inputScale(Recipe recipe, float[] factors) {
        return inputScale(recipe, factors, inputs);
    }

    /** The scale of x / s at the timesteps of {@code some}. */
    float inputScale(Recipe recipe, float[] factors, Statistics some) {
        Histogram magnitudes = factors.length == 0 ? some.magnitudes() : smoothed(factors, some);
        return recipe.format().scale(path, recipe.clipping().threshold(magnitudes, recipe.format()));
    }

    /** Of the sampled rows: what all rows amount to under other factors is not known, except the largest magnitude, which is added. */
    private static Histogram smoothed(float[] factors, Statistics some) {
        Histogram h = new Histogram();
        for (float[] row : some.sample()) {
            h.add(divided(row, factors));
        }
        float largest = 0;
        for (float v : divided(some.channelMax(), factors)) {
            largest = Math.max(largest, v);
        }
        h.add(new float[] {largest});
        return h;
    }

    private static float[] divided(float[] values, float[] factors) {
        float[] divided = new float[values.length];
        for (int j = 0; j < values.length; j++) {
            divided[j] = values[j] / factors[j];
        }
        return divided;
    }
}

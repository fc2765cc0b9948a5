package org.maskrt.models.layers;

import java.util.List;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/** Sinusoidal features of the timestep and an MLP (DiT; the features are those of GLIDE). */
public final class TimestepEmbedder {
    private static final int FREQUENCIES = 256;
    private static final int MAX_PERIOD = 10_000;

    private TimestepEmbedder() {}

    /** [S] to [S,D]. */
    public static <T> T embed(Ops<T> ops, Params<T> p, T timestep, int width) {
        int half = FREQUENCIES / 2;
        float[] frequencies = new float[half];
        for (int i = 0; i < half; i++) {
            // In fp32 at each step, as published: at t = 999 one more bit here would show in the fifth digit of the
            // output.
            float exponent = (float) -Math.log(MAX_PERIOD) * i / half;
            frequencies[i] = (float) Math.exp(exponent);
        }
        int symbol = ops.shape(timestep).dim(0);
        T angle = ops.mul(ops.reshape(timestep, symbol, 1), ops.constant(frequencies, 1, half));
        T features = ops.concat(1, List.of(ops.cos(angle), ops.sin(angle)));
        T hidden = ops.silu(ops.linear(p.at("mlp.0"), features, FREQUENCIES, width));
        return ops.linear(p.at("mlp.2"), hidden, width, width);
    }
}

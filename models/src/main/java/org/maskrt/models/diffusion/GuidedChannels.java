package org.maskrt.models.diffusion;

import java.util.Locale;

/** Which channels of the predicted noise guidance acts on; the others, and a learned variance, are those of the conditional half. */
public enum GuidedChannels {
    /** The first three, as DiT and MDT publish. */
    REFERENCE,
    /** Every channel of the predicted noise. */
    ALL;

    private static final int REFERENCE_CHANNELS = 3;

    /** As options and {@code export.json} name it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The number of guided channels where the sample has {@code channels}. */
    public int count(int channels) {
        return this == ALL ? channels : Math.min(REFERENCE_CHANNELS, channels);
    }

    /**
     * The guided output on the host: {@code eps_u + w (eps_c - eps_u)} on the guided channels and the conditional output on the others.
     *
     * @param conditional [B,O,H,W]
     * @param unconditional [B,O,H,W]
     * @param weights w of each image, [B]
     * @param shape the channels of the sample and of the output
     * @param out [B,O,H,W]; may be either half
     * @throws IllegalArgumentException if the lengths do not fit
     */
    public void combine(
            float[] conditional, float[] unconditional, float[] weights, OutputChannels shape, float[] out) {
        int rows = weights.length * shape.output;
        if (rows == 0
                || conditional.length % rows != 0
                || unconditional.length != conditional.length
                || out.length != conditional.length) {
            throw new IllegalArgumentException(
                    "guidance of " + weights.length + " images needs both halves and the result as ["
                            + weights.length + "," + shape.output + ",H,W], got lengths " + conditional.length + ", "
                            + unconditional.length + " and " + out.length);
        }
        int plane = conditional.length / rows;
        int guided = count(shape.sample);
        for (int i = 0; i < out.length; i++) {
            int row = i / plane;
            out[i] = row % shape.output < guided
                    ? unconditional[i] + weights[row / shape.output] * (conditional[i] - unconditional[i])
                    : conditional[i];
        }
    }

    /**
     * Channels of a model.
     *
     * @param sample C, of the sample and of the predicted noise
     * @param output O, C or 2C with a learned variance
     */
    public record OutputChannels(int sample, int output) {}
}

package org.maskrt.trainer;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * What the training of a MaskDiT needs beside sizes (Zheng et al., 2023, sections 3.3 and 3.4).
 *
 * @param maskRatio of the tokens that are hidden
 * @param maeWeight of the reconstruction of hidden tokens in the loss
 * @param unmasking how the ratio falls in the last steps
 * @param unmaskFrom the step at which it begins to fall
 * @param unmaskSteps over how many steps it falls
 */
public record MaskDitTraining(
        double maskRatio, double maeWeight, Unmasking unmasking, long unmaskFrom, long unmaskSteps) {
    /** Unmasking tuning. */
    public enum Unmasking {
        /** The ratio stays. */
        @JsonProperty("none")
        NONE,
        /** Nothing is hidden any more. */
        @JsonProperty("zero")
        ZERO,
        /** The ratio falls with the fourth power of a quarter cosine. */
        @JsonProperty("cosine")
        COSINE
    }

    /** The share of tokens to hide at a step. */
    double maskRatio(long step) {
        if (unmasking == Unmasking.NONE || step < unmaskFrom) {
            return maskRatio;
        }
        if (unmasking == Unmasking.ZERO || step >= unmaskFrom + unmaskSteps) {
            return 0;
        }
        return maskRatio * Math.pow(Math.cos(Math.PI / 2 * (step - unmaskFrom) / unmaskSteps), 4);
    }
}

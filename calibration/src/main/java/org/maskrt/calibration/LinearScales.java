package org.maskrt.calibration;

import java.util.Arrays;
import org.maskrt.models.Checks;

/**
 * How a linear y = x W^T + b is quantised: as Q(x / s) Q(W s)^T + b + c, with s and c where they pay.
 *
 * @param input of x / s
 * @param weightScales of W s, one for each output channel
 * @param smoothing s
 * @param biasCorrection c, one for each output channel; empty for none
 * @param reason why it is quantised, in words
 */
public record LinearScales(
        ActivationScales input, float[] weightScales, Smoothing smoothing, float[] biasCorrection, String reason) {
    /** @throws org.maskrt.models.MaskRtException (USAGE) for scales that are not positive and finite, or lengths that differ */
    public LinearScales {
        Checks.require(weightScales.length > 0, "linear", "weight_scales", "one or more", "none");
        ActivationScales.positive("linear", "weight_scales", weightScales);
        Checks.require(
                biasCorrection.length == 0 || biasCorrection.length == weightScales.length,
                "linear",
                "bias_correction",
                "empty or as long as weight_scales (" + weightScales.length + ")",
                biasCorrection.length);
        for (float c : biasCorrection) {
            if (!(Math.abs(c) <= Float.MAX_VALUE)) {
                Checks.require(false, "linear", "bias_correction", "finite", Arrays.toString(biasCorrection));
            }
        }
    }

    /** The same for another reason. */
    LinearScales with(String newReason) {
        return new LinearScales(input, weightScales, smoothing, biasCorrection, newReason);
    }
}

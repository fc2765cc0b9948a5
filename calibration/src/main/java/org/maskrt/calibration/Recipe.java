package org.maskrt.calibration;

import org.maskrt.models.Checks;

/**
 * How scales are made of observations.
 *
 * @param clipping of activations; weights are never clipped
 * @param groups of timesteps for which the inputs of linears have scales of their own; 1 for none
 * @param smoothing whether channels are balanced where that lowers the error of the layer
 * @param biasCorrection whether the mean error of the output is taken off the bias
 */
public record Recipe(Format format, ClippingMethod clipping, int groups, boolean smoothing, boolean biasCorrection) {
    public Recipe {
        Checks.positive("calibration", "groups", groups);
    }
}

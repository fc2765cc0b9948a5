package org.maskrt.calibration;

import java.util.Arrays;
import org.maskrt.models.Checks;

/**
 * How an activation is quantised: as a whole tensor, symmetrically.
 *
 * @param clipping {@link ClippingMethod#label} of the method that chose the scales
 * @param scales one for all timesteps, or, of the input of a linear, one for each group of them
 */
public record ActivationScales(Format format, String clipping, float[] scales) {
    /** @throws org.maskrt.models.MaskRtException (USAGE) if there is no scale, or one is not positive and finite */
    public ActivationScales {
        positive("activation", "scales", scales);
        Checks.require(scales.length > 0, "activation", "scales", "one or more", "none");
        ClippingMethod.parse(clipping);
    }

    static void positive(String owner, String field, float[] values) {
        for (float v : values) {
            if (!(v > 0 && v <= Float.MAX_VALUE)) {
                Checks.require(false, owner, field, "positive and finite", Arrays.toString(values));
            }
        }
    }
}

package org.maskrt.trainer;

import org.maskrt.models.Checks;
import org.maskrt.models.dinov2.DinoV2Config;

/**
 * The training of an image encoder on pairs, from nothing: the same object in its own picture and in its scene belongs together.
 *
 * @param model its sizes
 * @param steps how many
 * @param batch pairs in a step
 * @param temperature that similarities are divided by
 * @param precision of the matrix products
 * @param optimizer how the weights follow
 */
public record EncoderTraining(
        DinoV2Config model, int steps, int batch, double temperature, Precision precision, OptimizerConfig optimizer) {
    /** @throws org.maskrt.models.MaskRtException (USAGE) for numbers that are out of range */
    public EncoderTraining {
        Checks.positive("image_encoder", "steps", steps);
        Checks.require(batch >= 2, "image_encoder", "batch", "2 or more pairs", batch);
        Checks.require(temperature > 0, "image_encoder", "temperature", "positive", temperature);
    }
}

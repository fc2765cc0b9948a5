package org.maskrt.trainer;

import org.maskrt.models.Checks;
import org.maskrt.models.vae.AutoencoderKlConfig;

/**
 * The training of an autoencoder.
 *
 * @param model its sizes; its scaling factor is measured at the end
 * @param steps how many
 * @param batch pictures in a step
 * @param accumulate in how many parts a device computes its share of them
 * @param edgeWeight of the differences between neighbouring pixels in the loss, against 1 for the pixels
 * @param klWeight of the divergence from the unit normal, per latent value
 * @param precision of the convolutions
 * @param optimizer how the weights follow
 */
public record AutoencoderTraining(
        AutoencoderKlConfig model,
        int steps,
        int batch,
        int accumulate,
        double edgeWeight,
        double klWeight,
        Precision precision,
        OptimizerConfig optimizer) {
    /** @throws org.maskrt.models.MaskRtException (USAGE) for counts that are none */
    public AutoencoderTraining {
        Checks.positive("autoencoder", "batch", batch);
        Checks.require(
                accumulate >= 1 && accumulate <= batch,
                "autoencoder",
                "accumulate",
                "in [1, batch " + batch + "]",
                accumulate);
    }
}

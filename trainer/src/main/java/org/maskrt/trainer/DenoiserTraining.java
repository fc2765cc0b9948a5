package org.maskrt.trainer;

import java.util.Locale;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;

/**
 * The training of a denoiser.
 *
 * @param model its sizes
 * @param steps how many
 * @param batch latents in a step
 * @param labelDrop the share of labels that become the null class
 * @param precision of the matrix products
 * @param optimizer how the weights follow
 * @param preview the pictures that are sampled now and then
 */
public record DenoiserTraining(
        Sizes model,
        int steps,
        int batch,
        double labelDrop,
        Precision precision,
        OptimizerConfig optimizer,
        Preview preview) {
    /**
     * What data and autoencoder do not fix.
     *
     * @param family {@code dit}, {@code mdt-v1} or {@code mdt-v2}
     * @param patchSize P
     * @param hiddenSize D
     * @param depth number of blocks
     * @param numHeads of each attention
     * @param mlpRatio hidden width of the MLP over D
     * @param decodeLayer blocks after the side-interpolater; 0 for a DiT
     * @param maskRatio of the tokens that are hidden; 0 for a DiT
     */
    public record Sizes(
            String family,
            int patchSize,
            int hiddenSize,
            int depth,
            int numHeads,
            double mlpRatio,
            int decodeLayer,
            double maskRatio) {
        /** The model for latents {@code [channels,inputSize,inputSize]}. */
        public Denoiser of(int inputSize, int channels, int classes) {
            int version = switch (family.toLowerCase(Locale.ROOT)) {
                case "dit" -> 0;
                case "mdt-v1" -> 1;
                case "mdt-v2" -> 2;
                default ->
                    throw new MaskRtException(
                            ExitCode.USAGE,
                            "transformer.model.family must be dit, mdt-v1 or mdt-v2, got '" + family + "'");
            };
            return version == 0
                    ? new Dit(new DitConfig(
                            inputSize, patchSize, channels, hiddenSize, depth, numHeads, mlpRatio, classes, true))
                    : new Mdt(new MdtConfig(
                            version,
                            inputSize,
                            patchSize,
                            channels,
                            hiddenSize,
                            depth,
                            numHeads,
                            mlpRatio,
                            classes,
                            decodeLayer,
                            maskRatio,
                            true));
        }
    }

    /**
     * Pictures sampled with DDIM from the averaged weights, one row a class.
     *
     * @param steps of the sampler
     * @param guidance the constant scale
     * @param columns pictures of each class
     */
    public record Preview(int steps, double guidance, int columns) {}
}

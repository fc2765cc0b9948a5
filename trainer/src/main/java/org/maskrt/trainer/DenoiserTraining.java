package org.maskrt.trainer;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.Locale;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.maskdit.MaskDitConfig;
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
        ModelSizes model,
        int steps,
        int batch,
        double labelDrop,
        Precision precision,
        OptimizerConfig optimizer,
        Preview preview) {
    /** What data and autoencoder do not fix; {@code family} says which of the forms it is. */
    @JsonTypeInfo(
            use = JsonTypeInfo.Id.NAME,
            include = JsonTypeInfo.As.EXISTING_PROPERTY,
            property = "family",
            visible = true,
            defaultImpl = Sizes.class)
    @JsonSubTypes(@JsonSubTypes.Type(value = MaskDitSizes.class, name = "maskdit"))
    public interface ModelSizes {
        /** The model for latents {@code [channels,inputSize,inputSize]}. */
        Denoiser of(int inputSize, int channels, int classes);
    }

    /**
     * A MaskDiT.
     *
     * @param family {@code maskdit}
     * @param patchSize P
     * @param hiddenSize D of the encoder
     * @param depth blocks of the encoder
     * @param numHeads of each attention of the encoder
     * @param mlpRatio hidden width of each MLP over that of its block
     * @param decoderHiddenSize width of the decoder
     * @param decoderDepth blocks of the decoder
     * @param decoderNumHeads of each attention of the decoder
     * @param sigmaData standard deviation of the latents, which are scaled to 1
     * @param masking how its training masks
     */
    public record MaskDitSizes(
            String family,
            int patchSize,
            int hiddenSize,
            int depth,
            int numHeads,
            double mlpRatio,
            int decoderHiddenSize,
            int decoderDepth,
            int decoderNumHeads,
            double sigmaData,
            MaskDitTraining masking)
            implements ModelSizes {
        @Override
        public MaskDit of(int inputSize, int channels, int classes) {
            return new MaskDit(new MaskDitConfig(
                    inputSize,
                    patchSize,
                    channels,
                    hiddenSize,
                    depth,
                    numHeads,
                    mlpRatio,
                    classes,
                    decoderHiddenSize,
                    decoderDepth,
                    decoderNumHeads,
                    sigmaData));
        }
    }

    /**
     * A DiT or MDT.
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
            double maskRatio)
            implements ModelSizes {
        @Override
        public Denoiser of(int inputSize, int channels, int classes) {
            int version = switch (family.toLowerCase(Locale.ROOT)) {
                case "dit" -> 0;
                case "mdt-v1" -> 1;
                case "mdt-v2" -> 2;
                default ->
                    throw new MaskRtException(
                            ExitCode.USAGE,
                            "transformer.model.family must be dit, mdt-v1, mdt-v2 or maskdit, got '" + family + "'");
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

package org.maskrt.trainer;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.Locale;
import org.maskrt.models.Checks;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.maskdit.MaskDitConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.trainer.DenoiserObjective.Recipe;

/**
 * The training of a denoiser.
 *
 * @param model its sizes
 * @param steps how many
 * @param batch latents in a step
 * @param accumulate in how many parts a device computes its share of them
 * @param labelDrop the share of conditions that become the null condition
 * @param timesteps how they are drawn
 * @param precision of the matrix products
 * @param optimizer how the weights follow
 * @param preview the pictures that are sampled now and then
 */
public record DenoiserTraining(
        ModelSizes model,
        int steps,
        int batch,
        int accumulate,
        double labelDrop,
        Timesteps timesteps,
        Precision precision,
        OptimizerConfig optimizer,
        Preview preview) {
    /** @throws MaskRtException (USAGE) for counts and shares that are none, or timesteps that the model does not have */
    public DenoiserTraining {
        Checks.positive("transformer", "batch", batch);
        Checks.require(
                accumulate >= 1 && accumulate <= batch,
                "transformer",
                "accumulate",
                "in [1, batch " + batch + "]",
                accumulate);
        Checks.require(labelDrop >= 0 && labelDrop <= 1, "transformer", "label_drop", "in [0, 1]", labelDrop);
        Checks.require(
                timesteps == Timesteps.UNIFORM || !(model instanceof MaskDitSizes),
                "transformer",
                "timesteps",
                "uniform for maskdit, whose noise levels are log-normal",
                timesteps);
    }

    /** What data and autoencoder do not fix; {@code family} says which of the forms it is. */
    @JsonTypeInfo(
            use = JsonTypeInfo.Id.NAME,
            include = JsonTypeInfo.As.EXISTING_PROPERTY,
            property = "family",
            visible = true,
            defaultImpl = Sizes.class)
    @JsonSubTypes({
        @JsonSubTypes.Type(value = MaskDitSizes.class, name = "maskdit"),
        @JsonSubTypes.Type(value = Emd3cSizes.class, name = "emd3c")
    })
    public interface ModelSizes {
        /** The model for latents {@code [channels,inputSize,inputSize]}. */
        Denoiser of(int inputSize, int channels, int classes);
    }

    /** What data and autoencoder do not fix of a model with a masked pass. */
    public interface MdtSizes extends ModelSizes {
        /** Of the tokens that are hidden; 0 trains without the masked pass. */
        double maskRatio();

        /** How the masked pass is trained. */
        MdtTraining masking();
    }

    /** What is chosen beside data, for all families but MaskDiT. */
    Recipe recipe() {
        if (model instanceof MdtSizes sizes) {
            MdtTraining masking = sizes.masking();
            return new Recipe(labelDrop, masking.schedule(sizes.maskRatio()), masking.maskedWeight(), timesteps);
        }
        return new Recipe(labelDrop, MaskSchedule.fixed(0, 0), 1, timesteps);
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
     * @param masking how the masked pass is trained
     */
    public record Sizes(
            String family,
            int patchSize,
            int hiddenSize,
            int depth,
            int numHeads,
            double mlpRatio,
            int decodeLayer,
            double maskRatio,
            MdtTraining masking)
            implements MdtSizes {
        @Override
        public Denoiser of(int inputSize, int channels, int classes) {
            int version = switch (family.toLowerCase(Locale.ROOT)) {
                case "dit" -> 0;
                case "mdt-v1" -> 1;
                case "mdt-v2" -> 2;
                default ->
                    throw new MaskRtException(
                            ExitCode.USAGE,
                            "transformer.model.family must be dit, mdt-v1, mdt-v2, maskdit or emd3c, got '" + family
                                    + "'");
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

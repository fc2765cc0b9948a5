package org.maskrt.models.mdt;

import org.maskrt.models.Checks;
import org.maskrt.models.ModelSize;

/**
 * The sizes of an MDT.
 *
 * @param version 1, or 2 with its long skip connections
 * @param inputSize height and width of the latent
 * @param patchSize P
 * @param inChannels channels of the latent
 * @param hiddenSize D
 * @param depth number of blocks, those after the side-interpolater included
 * @param numHeads heads of each attention
 * @param mlpRatio hidden width of the MLP over D
 * @param numClasses classes without the null class
 * @param decodeLayer number of blocks after the side-interpolater
 * @param maskRatio of the tokens that training hides; version 2 draws from [maskRatio, maskRatio + 0.2]
 * @param learnSigma whether the output has channels for the variance too
 */
public record MdtConfig(
        int version,
        int inputSize,
        int patchSize,
        int inChannels,
        int hiddenSize,
        int depth,
        int numHeads,
        double mlpRatio,
        int numClasses,
        int decodeLayer,
        double maskRatio,
        boolean learnSigma) {
    public static final int PATCH_SIZE = 2;

    /** @throws org.maskrt.models.MaskRtException (USAGE) for sizes that do not fit together */
    public MdtConfig {
        Checks.require(version == 1 || version == 2, "MDT", "version", "1 or 2", version);
        Checks.transformer("MDT", inputSize, patchSize, hiddenSize, numHeads);
        Checks.positive("MDT", "in_channels", inChannels);
        Checks.positive("MDT", "num_classes", numClasses);
        Checks.require(mlpRatio > 0, "MDT", "mlp_ratio", "positive", mlpRatio);
        Checks.require(
                decodeLayer >= 0 && decodeLayer < depth,
                "MDT",
                "decode_layer",
                "in [0, depth " + depth + ")",
                decodeLayer);
        Checks.require(
                version == 1 || (depth - decodeLayer) % 2 == 0,
                "MDT",
                "depth - decode_layer",
                "even in version 2 (as many out-blocks as in-blocks)",
                depth - decodeLayer);
        Checks.require(maskRatio >= 0 && maskRatio <= 0.75, "MDT", "mask_ratio", "in [0, 0.75]", maskRatio);
    }

    /** The published sizes: patch 2, four latent channels, learned variance, mask ratio 0.3; two decoder blocks in version 1, four in 2. */
    public static MdtConfig of(int version, ModelSize size, int inputSize, int numClasses) {
        return new MdtConfig(
                version,
                inputSize,
                PATCH_SIZE,
                4,
                size.width(),
                size.depth(),
                size.heads(),
                4,
                numClasses,
                version == 1 ? 2 : 4,
                0.3,
                true);
    }

    public int tokens() {
        return (inputSize / patchSize) * (inputSize / patchSize);
    }

    public int outChannels() {
        return learnSigma ? 2 * inChannels : inChannels;
    }
}

package org.maskrt.models.maskdit;

import org.maskrt.models.Checks;
import org.maskrt.models.ModelSize;

/**
 * The sizes of a MaskDiT.
 *
 * @param inputSize height and width of the latent
 * @param patchSize P
 * @param inChannels channels of the latent
 * @param hiddenSize D of the encoder
 * @param depth blocks of the encoder
 * @param numHeads heads of each attention of the encoder
 * @param mlpRatio hidden width of each MLP over the width of its block
 * @param numClasses classes without the null class, whose embedding is zero
 * @param decoderHiddenSize width of the decoder
 * @param decoderDepth blocks of the decoder
 * @param decoderNumHeads heads of each attention of the decoder
 * @param sigmaData standard deviation of the data, which the preconditioning assumes
 */
public record MaskDitConfig(
        int inputSize,
        int patchSize,
        int inChannels,
        int hiddenSize,
        int depth,
        int numHeads,
        double mlpRatio,
        int numClasses,
        int decoderHiddenSize,
        int decoderDepth,
        int decoderNumHeads,
        double sigmaData) {
    private static final String OWNER = "MaskDiT";

    /** @throws org.maskrt.models.MaskRtException (USAGE) for sizes that do not fit together */
    public MaskDitConfig {
        Checks.transformer(OWNER, inputSize, patchSize, hiddenSize, numHeads);
        Checks.transformer(OWNER + " decoder", inputSize, patchSize, decoderHiddenSize, decoderNumHeads);
        Checks.positive(OWNER, "in_channels", inChannels);
        Checks.positive(OWNER, "depth", depth);
        Checks.positive(OWNER, "decoder_depth", decoderDepth);
        Checks.positive(OWNER, "num_classes", numClasses);
        Checks.require(mlpRatio > 0, OWNER, "mlp_ratio", "positive", mlpRatio);
        Checks.require(sigmaData > 0, OWNER, "sigma_data", "positive", sigmaData);
    }

    /** The published sizes: patch 2, four latent channels, a decoder of 8 blocks of width 512 with 16 heads, sigma_data 0.5. */
    public static MaskDitConfig of(ModelSize size, int inputSize, int numClasses) {
        return new MaskDitConfig(
                inputSize, 2, 4, size.width(), size.depth(), size.heads(), 4, numClasses, 512, 8, 16, 0.5);
    }

    public int tokens() {
        return (inputSize / patchSize) * (inputSize / patchSize);
    }
}

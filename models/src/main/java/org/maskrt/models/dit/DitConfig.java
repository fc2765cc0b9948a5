package org.maskrt.models.dit;

import java.util.List;
import org.maskrt.models.Checks;
import org.maskrt.models.ModelSize;

/**
 * The sizes of a DiT.
 *
 * @param inputSize height and width of the latent
 * @param patchSize P
 * @param inChannels channels of the latent
 * @param hiddenSize D
 * @param depth number of blocks
 * @param numHeads heads of each attention
 * @param mlpRatio hidden width of the MLP over D
 * @param numClasses classes without the null class
 * @param learnSigma whether the output has channels for the variance too
 */
public record DitConfig(
        int inputSize,
        int patchSize,
        int inChannels,
        int hiddenSize,
        int depth,
        int numHeads,
        double mlpRatio,
        int numClasses,
        boolean learnSigma) {
    public static final List<Integer> PATCH_SIZES = List.of(2, 4, 8);

    /** @throws org.maskrt.models.MaskRtException (USAGE) for sizes that do not fit together */
    public DitConfig {
        Checks.transformer("DiT", inputSize, patchSize, hiddenSize, numHeads);
        Checks.positive("DiT", "in_channels", inChannels);
        Checks.positive("DiT", "depth", depth);
        Checks.positive("DiT", "num_classes", numClasses);
        Checks.require(mlpRatio > 0, "DiT", "mlp_ratio", "positive", mlpRatio);
    }

    /** The published sizes: four latent channels, learned variance. */
    public static DitConfig of(ModelSize size, int patch, int inputSize, int numClasses) {
        return new DitConfig(inputSize, patch, 4, size.width(), size.depth(), size.heads(), 4, numClasses, true);
    }

    public int tokens() {
        return (inputSize / patchSize) * (inputSize / patchSize);
    }

    public int outChannels() {
        return learnSigma ? 2 * inChannels : inChannels;
    }
}

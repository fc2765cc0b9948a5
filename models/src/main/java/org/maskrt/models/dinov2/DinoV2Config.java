package org.maskrt.models.dinov2;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.maskrt.models.Checks;

/**
 * The sizes of a DINOv2, with the names of {@code transformers}; how positions are interpolated, with the names of its authors.
 *
 * @param imageSize height and width of the pictures whose positions were trained
 * @param patchSize P
 * @param numChannels of the pictures
 * @param hiddenSize D
 * @param numHiddenLayers number of blocks
 * @param numAttentionHeads heads of each attention
 * @param mlpRatio hidden width of the MLP over D; SwiGLU has two thirds of it, rounded up to a multiple of 8
 * @param useSwigluFfn whether the MLP is a SwiGLU, as in ViT-g
 * @param numRegisterTokens tokens that the features leave out
 * @param interpolateAntialias whether positions of smaller grids are averaged, as published for the models with registers
 * @param interpolateOffset added to the number of patches before the factor of the interpolation is taken: 0.1 as published for the models without
 *     registers, where {@code transformers} takes 0
 */
public record DinoV2Config(
        int imageSize,
        int patchSize,
        int numChannels,
        int hiddenSize,
        int numHiddenLayers,
        int numAttentionHeads,
        double mlpRatio,
        boolean useSwigluFfn,
        int numRegisterTokens,
        boolean interpolateAntialias,
        double interpolateOffset) {
    /** Of the interpolation in the models without registers. */
    public static final double PUBLISHED_OFFSET = 0.1;

    private static final String OWNER = "DINOv2";
    private static final int PUBLISHED_REGISTERS = 4;

    /** @throws org.maskrt.models.MaskRtException (USAGE) for sizes that do not fit together */
    public DinoV2Config {
        Checks.positive(OWNER, "patch_size", patchSize);
        Checks.require(
                imageSize > 0 && imageSize % patchSize == 0,
                OWNER,
                "image_size",
                "a positive multiple of patch_size " + patchSize,
                imageSize);
        Checks.positive(OWNER, "num_channels", numChannels);
        Checks.positive(OWNER, "num_hidden_layers", numHiddenLayers);
        Checks.positive(OWNER, "num_attention_heads", numAttentionHeads);
        Checks.require(
                hiddenSize > 0 && hiddenSize % numAttentionHeads == 0,
                OWNER,
                "hidden_size",
                "a positive multiple of num_attention_heads " + numAttentionHeads,
                hiddenSize);
        Checks.require(
                mlpRatio > 0 && (int) (hiddenSize * mlpRatio) > 0 && mlpRatio < Integer.MAX_VALUE / (double) hiddenSize,
                OWNER,
                "mlp_ratio",
                "positive and give the MLP a width",
                mlpRatio);
        Checks.require(numRegisterTokens >= 0, OWNER, "num_register_tokens", "0 or more", numRegisterTokens);
        Checks.require(
                interpolateOffset >= 0 && interpolateOffset < 1,
                OWNER,
                "interpolate_offset",
                "at least 0 and below 1",
                interpolateOffset);
    }

    /** ViT-S/14. */
    public static DinoV2Config vits14() {
        return published(384, 12, 6, false);
    }

    /** ViT-B/14. */
    public static DinoV2Config vitb14() {
        return published(768, 12, 12, false);
    }

    /** ViT-L/14. */
    public static DinoV2Config vitl14() {
        return published(1024, 24, 16, false);
    }

    /** ViT-g/14. */
    public static DinoV2Config vitg14() {
        return published(1536, 40, 24, true);
    }

    private static DinoV2Config published(int width, int depth, int heads, boolean swiglu) {
        return new DinoV2Config(518, 14, 3, width, depth, heads, 4, swiglu, 0, false, PUBLISHED_OFFSET);
    }

    /** The published sizes by name: {@code dinov2-vits14} to {@code dinov2-vitg14}, with registers under {@code -reg} too. */
    public static Map<String, DinoV2Config> presets() {
        Map<String, DinoV2Config> presets = new TreeMap<>();
        Map.of("s", vits14(), "b", vitb14(), "l", vitl14(), "g", vitg14()).forEach((size, config) -> {
            presets.put("dinov2-vit" + size + "14", config);
            presets.put("dinov2-vit" + size + "14-reg", config.withRegisters());
        });
        return Collections.unmodifiableMap(presets);
    }

    /** The same with four registers and what is published for them. */
    public DinoV2Config withRegisters() {
        return new DinoV2Config(
                imageSize,
                patchSize,
                numChannels,
                hiddenSize,
                numHiddenLayers,
                numAttentionHeads,
                mlpRatio,
                useSwigluFfn,
                PUBLISHED_REGISTERS,
                true,
                0);
    }

    /** M, the side of the grid of trained positions. */
    public int gridSize() {
        return imageSize / patchSize;
    }

    /** Width of the MLP between its linears. */
    public int mlpWidth() {
        int hidden = (int) (hiddenSize * mlpRatio);
        return useSwigluFfn ? ((int) (hidden * 2.0 / 3) + 7) / 8 * 8 : hidden;
    }
}

package org.maskrt.models.vae;

import java.util.List;
import org.maskrt.models.Checks;

/**
 * The sizes of an autoencoder, with diffusers' names.
 *
 * @param inChannels of the pictures
 * @param latentChannels of the latents
 * @param blockOutChannels width of each resolution, finest first; each but the last halves the picture
 * @param layersPerBlock residual blocks per resolution in the encoder; the decoder has one more
 * @param normNumGroups groups of each GroupNorm
 * @param scalingFactor by which a denoiser's latents are larger than the encoder's (0.18215 for sd-vae)
 * @param sampleSize height and width of the pictures it was trained on
 */
public record AutoencoderKlConfig(
        int inChannels,
        int latentChannels,
        List<Integer> blockOutChannels,
        int layersPerBlock,
        int normNumGroups,
        double scalingFactor,
        int sampleSize) {
    /** @throws org.maskrt.models.MaskRtException (USAGE) for sizes that do not fit together */
    public AutoencoderKlConfig {
        String owner = "AutoencoderKL";
        blockOutChannels = List.copyOf(blockOutChannels);
        Checks.positive(owner, "in_channels", inChannels);
        Checks.positive(owner, "latent_channels", latentChannels);
        Checks.positive(owner, "layers_per_block", layersPerBlock);
        Checks.positive(owner, "norm_num_groups", normNumGroups);
        Checks.require(!blockOutChannels.isEmpty(), owner, "block_out_channels", "a list of widths", blockOutChannels);
        Checks.require(
                blockOutChannels.stream().allMatch(c -> c > 0 && c % normNumGroups == 0),
                owner,
                "block_out_channels",
                "multiples of norm_num_groups " + normNumGroups,
                blockOutChannels);
        Checks.require(
                scalingFactor > 0 && Double.isFinite(scalingFactor),
                owner,
                "scaling_factor",
                "positive",
                scalingFactor);
        Checks.require(
                sampleSize > 0 && sampleSize % (1 << (blockOutChannels.size() - 1)) == 0,
                owner,
                "sample_size",
                "a positive multiple of " + (1 << (blockOutChannels.size() - 1)),
                sampleSize);
    }

    /** Stability's sd-vae (f8, 4 channels). */
    public static AutoencoderKlConfig sdVae() {
        return new AutoencoderKlConfig(3, 4, List.of(128, 256, 512, 512), 2, 32, 0.18215, 256);
    }

    /** How many pixels of the picture one of the latent stands for, in each direction. */
    public int downsampling() {
        return 1 << (blockOutChannels.size() - 1);
    }

    public AutoencoderKlConfig withScalingFactor(double factor) {
        return new AutoencoderKlConfig(
                inChannels, latentChannels, blockOutChannels, layersPerBlock, normNumGroups, factor, sampleSize);
    }
}

package org.maskrt.models.vae;

import org.maskrt.models.ops.Conv2d;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/**
 * The autoencoder of latent diffusion (Rombach et al., 2022) with diffusers' parameter names. Latents are here as the encoder gives them: a
 * denoiser's are {@code scalingFactor} times larger.
 */
public record AutoencoderKl(AutoencoderKlConfig config) {
    private static final float EPS = 1e-6f;
    private static final Conv2d SAME = Conv2d.same(3);
    private static final Conv2d POINT = Conv2d.same(1);
    /** Padding at the far edges only, as published. */
    private static final Conv2d HALVE = new Conv2d(2, 0, 0, 1, 1);

    /** Pictures in [-1,1] [B,3,H,W] to the moments [B,2L,h,w]: mean, then log-variance. */
    public <T> T encode(Ops<T> ops, Params<T> root, T image) {
        Params<T> p = root.at("encoder");
        T x = conv(ops, p.at("conv_in"), image, config.blockOutChannels().get(0), 3, SAME);
        for (int i = 0; i < levels(); i++) {
            Params<T> level = p.at("down_blocks", i);
            int width = config.blockOutChannels().get(i);
            for (int j = 0; j < config.layersPerBlock(); j++) {
                x = resnet(ops, level.at("resnets", j), x, width);
            }
            if (i < levels() - 1) {
                x = conv(ops, level.at("downsamplers.0.conv"), x, width, 3, HALVE);
            }
        }
        x = middle(ops, p.at("mid_block"), x);
        x = ops.silu(norm(ops, p.at("conv_norm_out"), x));
        int moments = 2 * config.latentChannels();
        x = conv(ops, p.at("conv_out"), x, moments, 3, SAME);
        return conv(ops, root.at("quant_conv"), x, moments, 1, POINT);
    }

    /** Latents [B,L,h,w] to pictures [B,3,H,W], about in [-1,1]. */
    public <T> T decode(Ops<T> ops, Params<T> root, T latent) {
        Params<T> p = root.at("decoder");
        T x = conv(ops, root.at("post_quant_conv"), latent, config.latentChannels(), 1, POINT);
        x = conv(ops, p.at("conv_in"), x, config.blockOutChannels().get(levels() - 1), 3, SAME);
        x = middle(ops, p.at("mid_block"), x);
        for (int i = 0; i < levels(); i++) {
            Params<T> level = p.at("up_blocks", i);
            int width = config.blockOutChannels().get(levels() - 1 - i);
            for (int j = 0; j <= config.layersPerBlock(); j++) {
                x = resnet(ops, level.at("resnets", j), x, width);
            }
            if (i < levels() - 1) {
                x = conv(ops, level.at("upsamplers.0.conv"), ops.upsampleNearest2x(x), width, 3, SAME);
            }
        }
        x = ops.silu(norm(ops, p.at("conv_norm_out"), x));
        return conv(ops, p.at("conv_out"), x, config.inChannels(), 3, SAME);
    }

    private int levels() {
        return config.blockOutChannels().size();
    }

    private <T> T middle(Ops<T> ops, Params<T> p, T x) {
        int width = ops.shape(x).dim(1);
        T y = resnet(ops, p.at("resnets.0"), x, width);
        y = attention(ops, p.at("attentions.0"), y);
        return resnet(ops, p.at("resnets.1"), y, width);
    }

    private <T> T resnet(Ops<T> ops, Params<T> p, T x, int out) {
        T y = conv(ops, p.at("conv1"), ops.silu(norm(ops, p.at("norm1"), x)), out, 3, SAME);
        y = conv(ops, p.at("conv2"), ops.silu(norm(ops, p.at("norm2"), y)), out, 3, SAME);
        T shortcut = ops.shape(x).dim(1) == out ? x : conv(ops, p.at("conv_shortcut"), x, out, 1, POINT);
        return ops.add(shortcut, y);
    }

    /** Single-head self-attention over the pixels, with a shortcut. */
    private <T> T attention(Ops<T> ops, Params<T> p, T x) {
        Shape s = ops.shape(x);
        int c = s.dim(1);
        T flat = ops.reshape(norm(ops, p.at("group_norm"), x), Shape.BATCH, c, s.dim(2) * s.dim(3));
        T tokens = ops.transpose(flat, 0, 2, 1);
        T q = ops.linear(p.at("to_q"), tokens, c, c);
        T k = ops.linear(p.at("to_k"), tokens, c, c);
        T v = ops.linear(p.at("to_v"), tokens, c, c);
        T out = ops.linear(p.at("to_out.0"), ops.attention(p.path(), q, k, v, 1, null), c, c);
        return ops.add(x, ops.reshape(ops.transpose(out, 0, 2, 1), Shape.BATCH, c, s.dim(2), s.dim(3)));
    }

    private <T> T norm(Ops<T> ops, Params<T> p, T x) {
        return ops.groupNorm(p, x, config.normNumGroups(), EPS);
    }

    private <T> T conv(Ops<T> ops, Params<T> p, T x, int out, int kernel, Conv2d geometry) {
        int in = ops.shape(x).dim(1);
        return ops.conv2d(x, p.get("weight", out, in, kernel, kernel), p.get("bias", out), geometry);
    }
}

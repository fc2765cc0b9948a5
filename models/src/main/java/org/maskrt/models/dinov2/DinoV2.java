package org.maskrt.models.dinov2;

import java.util.List;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.layers.AffineNorm;
import org.maskrt.models.layers.Patches;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/**
 * DINOv2's vision transformer (arXiv 2304.07193) with its authors' parameter names: blocks with LayerScale, and registers (arXiv 2309.16588)
 * where it has some. The mask token of its training has no part in features.
 */
public record DinoV2(DinoV2Config config) {
    private static final float EPS = 1e-6f;

    /**
     * What a picture gives, after the last norm.
     *
     * @param classToken [B,D]
     * @param patchTokens [B,N,D], row by row
     */
    public record Features<T>(T classToken, T patchTokens) {}

    /**
     * The published {@code get_intermediate_layers(pixels, 1, return_class_token=True)}.
     *
     * @param pixels [B,C,H,W], normalised ({@link DinoV2Pixels}); H and W multiples of P
     */
    public <T> Features<T> forward(Ops<T> ops, Params<T> p, T pixels) {
        T x = normal(ops, p, pixels);
        int first = 1 + config.numRegisterTokens();
        T classToken = ops.reshape(ops.slice(x, 1, 0, 1), Shape.BATCH, config.hiddenSize());
        return new Features<>(classToken, ops.slice(x, 1, first, ops.shape(x).dim(1)));
    }

    /** The same features as one: class token, then patch tokens [B,1+N,D]. */
    public <T> T tokens(Ops<T> ops, Params<T> p, T pixels) {
        T x = normal(ops, p, pixels);
        int first = 1 + config.numRegisterTokens();
        return first == 1
                ? x
                : ops.concat(
                        1,
                        List.of(
                                ops.slice(x, 1, 0, 1),
                                ops.slice(x, 1, first, ops.shape(x).dim(1))));
    }

    private <T> T normal(Ops<T> ops, Params<T> p, T pixels) {
        T x = embed(ops, p, pixels);
        for (int i = 0; i < config.numHiddenLayers(); i++) {
            x = block(ops, p.at("blocks", i), x);
        }
        return AffineNorm.of(ops, p.at("norm"), x, EPS);
    }

    /** Class token, registers and patches, all but the registers with positions: [B,1+R+N,D]. */
    private <T> T embed(Ops<T> ops, Params<T> p, T pixels) {
        int d = config.hiddenSize();
        Shape s = ops.shape(pixels);
        requirePatches(s);
        int height = s.dim(2) / config.patchSize();
        int width = s.dim(3) / config.patchSize();
        T patches = Patches.embed(ops, p.at("patch_embed.proj"), pixels, config.patchSize(), d);
        T positions = positions(ops, p, height, width);
        T first = ops.add(p.get("cls_token", 1, 1, d), ops.slice(positions, 1, 0, 1));
        if (config.numRegisterTokens() > 0) {
            first = ops.concat(1, List.of(first, p.get("register_tokens", 1, config.numRegisterTokens(), d)));
        }
        // Nothing but an operand with the batch's length makes a copy for each sample.
        T nothing = ops.scale(ops.slice(patches, 1, 0, 1), 0);
        T rest = ops.add(patches, ops.slice(positions, 1, 1, 1 + height * width));
        return ops.concat(1, List.of(ops.add(first, nothing), rest));
    }

    private void requirePatches(Shape s) {
        int patch = config.patchSize();
        if (s.rank() != 4 || s.dim(1) != config.numChannels() || s.dim(2) % patch != 0 || s.dim(3) % patch != 0) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "DINOv2: expected pictures [B," + config.numChannels() + ",H,W] with H and W multiples of " + patch
                            + ", received " + s + "; resize them");
        }
    }

    /** The class token's position and those of a grid, interpolated unless it is the trained one: [1,1+N,D]. */
    private <T> T positions(Ops<T> ops, Params<T> p, int height, int width) {
        int m = config.gridSize();
        int d = config.hiddenSize();
        T trained = p.get("pos_embed", 1, 1 + Math.multiplyExact(m, m), d);
        if (height == m && width == m) {
            return trained;
        }
        T grid = ops.reshape(ops.slice(trained, 1, 1, 1 + m * m), m, m * d);
        T rows = ops.matmul(interpolation(ops, height), grid);
        T both = ops.matmul(interpolation(ops, width), ops.reshape(rows, height, m, d));
        return ops.concat(1, List.of(ops.slice(trained, 1, 0, 1), ops.reshape(both, 1, height * width, d)));
    }

    private <T> T interpolation(Ops<T> ops, int to) {
        int m = config.gridSize();
        float[] weights = config.interpolateAntialias()
                ? Bicubic.antialiased(m, to, config.interpolateOffset())
                : Bicubic.plain(m, to, config.interpolateOffset());
        return ops.constant(weights, to, m);
    }

    private <T> T block(Ops<T> ops, Params<T> p, T x) {
        return ops.section(() -> {
            T attended = attention(ops, p.at("attn"), AffineNorm.of(ops, p.at("norm1"), x, EPS));
            T mid = ops.add(x, ops.mul(attended, p.get("ls1.gamma", config.hiddenSize())));
            T expanded = mlp(ops, p.at("mlp"), AffineNorm.of(ops, p.at("norm2"), mid, EPS));
            return ops.add(mid, ops.mul(expanded, p.get("ls2.gamma", config.hiddenSize())));
        });
    }

    private <T> T attention(Ops<T> ops, Params<T> p, T x) {
        int d = config.hiddenSize();
        return ops.linear(p.at("proj"), ops.selfAttention(p, x, config.numAttentionHeads(), null), d, d);
    }

    private <T> T mlp(Ops<T> ops, Params<T> p, T x) {
        int d = config.hiddenSize();
        int hidden = config.mlpWidth();
        if (!config.useSwigluFfn()) {
            return ops.linear(p.at("fc2"), ops.gelu(ops.linear(p.at("fc1"), x, d, hidden)), hidden, d);
        }
        List<T> halves = ops.split(ops.linear(p.at("w12"), x, d, 2 * hidden), 2, hidden, hidden);
        return ops.linear(p.at("w3"), ops.mul(ops.silu(halves.get(0)), halves.get(1)), hidden, d);
    }
}

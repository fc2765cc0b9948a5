package org.maskrt.models.layers;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ModulationSlot;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/** The adaLN-Zero block and the final layer that DiT, MDT and MaskDiT share. Parameters carry the published names. */
public final class Transformer {
    /** Of every LayerNorm in these families. */
    public static final float EPS = 1e-6f;

    private Transformer() {}

    /**
     * One block (DiT, figure 3).
     *
     * @param p the model's root
     * @param x [B,N,D]
     * @param bias of the attention logits, [1 or B,heads,N,N]
     * @return [B,N,D]
     */
    public static <T> T block(Ops<T> ops, Params<T> p, T x, AdaLn<T> modulation, BlockShape shape, @Nullable T bias) {
        return ops.section(() -> {
            Params<T> at = p.at(shape.path());
            List<T> m = modulation.chunks(p, shape.slot());
            T attended = attention(ops, at.at("attn"), ops.adaLayerNorm(x, m.get(0), m.get(1), EPS), shape, bias);
            T mid = ops.add(x, ops.mul(m.get(2), attended));
            T expanded = mlp(ops, at.at("mlp"), ops.adaLayerNorm(mid, m.get(3), m.get(4), EPS), shape);
            return ops.add(mid, ops.mul(m.get(5), expanded));
        });
    }

    private static <T> T attention(Ops<T> ops, Params<T> p, T x, BlockShape shape, @Nullable T bias) {
        T out = ops.selfAttention(p, x, shape.heads(), bias);
        return ops.linear(p.at("proj"), out, shape.width(), shape.width());
    }

    private static <T> T mlp(Ops<T> ops, Params<T> p, T x, BlockShape shape) {
        T hidden = ops.geluTanh(ops.linear(p.at("fc1"), x, shape.width(), shape.hidden()));
        return ops.linear(p.at("fc2"), hidden, shape.hidden(), shape.width());
    }

    /** Modulated LayerNorm and a linear to pixels: [B,N,D] to [B,N,{@code out}]. */
    public static <T> T finalLayer(Ops<T> ops, Params<T> p, T x, AdaLn<T> modulation, int out) {
        return modulatedLinear(ops, p, x, modulation, finalSlot(ops.shape(x).dim(-1)), out);
    }

    public static ModulationSlot finalSlot(int width) {
        return new ModulationSlot("final_layer", 2, width);
    }

    /** Modulated LayerNorm and the {@code linear} of a slot: [B,N,D] to [B,N,{@code out}]. */
    public static <T> T modulatedLinear(
            Ops<T> ops, Params<T> p, T x, AdaLn<T> modulation, ModulationSlot slot, int out) {
        List<T> m = modulation.chunks(p, slot);
        T normal = ops.adaLayerNorm(x, m.get(0), m.get(1), EPS);
        return ops.linear(p.at(slot.path()).at("linear"), normal, slot.width(), out);
    }

    /**
     * The sizes of a block.
     *
     * @param path of the block below the model's root
     * @param width D
     * @param heads of the attention
     * @param hidden width of the MLP
     */
    public record BlockShape(String path, int width, int heads, int hidden) {
        public BlockShape at(String newPath) {
            return new BlockShape(newPath, width, heads, hidden);
        }

        public ModulationSlot slot() {
            return new ModulationSlot(path, 6, width);
        }
    }
}

package org.maskrt.models.mdt;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ModulationSlot;
import org.maskrt.models.layers.AdaLn;
import org.maskrt.models.layers.Patches;
import org.maskrt.models.layers.RelativePositionBias;
import org.maskrt.models.layers.Transformer;
import org.maskrt.models.layers.Transformer.BlockShape;
import org.maskrt.models.mdt.MaskPlan.Masked;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/**
 * An MDT between its latents and its output, whatever it is conditioned on.
 *
 * @param config the sizes
 * @param outChannels channels of the output
 */
public record MdtBody(MdtConfig config, int outChannels) {
    /** Every adaLN-Zero layer of the inference graph, in order. */
    public List<ModulationSlot> modulation() {
        List<ModulationSlot> slots = new ArrayList<>();
        for (int i = 0; i < config.depth(); i++) {
            slots.add(block(i).slot());
        }
        slots.add(Transformer.finalSlot(config.hiddenSize()));
        return slots;
    }

    /** Block {@code i} in order of execution, under its published name. */
    private BlockShape block(int i) {
        int encoder = config.depth() - config.decodeLayer();
        String path;
        if (config.version() == 1) {
            path = "blocks." + i;
        } else if (i >= encoder) {
            path = "de_blocks." + (i - encoder);
        } else if (i >= encoder / 2) {
            path = "en_outblocks." + (i - encoder / 2);
        } else {
            path = "en_inblocks." + i;
        }
        return new BlockShape(
                path, config.hiddenSize(), config.numHeads(), (int) (config.hiddenSize() * config.mlpRatio()));
    }

    /**
     * The blocks: [B,C,H,W] to [B,C',H,W].
     *
     * @param mask the tokens that are taken from the encoder; null in inference, where the side-interpolater is the addition of its positions
     */
    public <T> T denoise(Ops<T> ops, Params<T> p, T sample, AdaLn<T> modulation, @Nullable Masked<T> mask) {
        if (mask == null) {
            return denoise(ops, p, sample, modulation, new Whole<>(ops, p));
        }
        return denoise(ops, p, sample, modulation, new TakenOut<>(ops, p, modulation, mask));
    }

    /**
     * As {@link #denoise(Ops, Params, Object, AdaLn, Masked)} with a mask, for graphs of fixed shapes: the encoder works on every token, but
     * none attends to a hidden one. A sample may hide as many tokens as it likes, but not all.
     *
     * @param hidden [B,N,1], 1 where a token is hidden, 0 where it is kept
     */
    public <T> T denoiseAround(Ops<T> ops, Params<T> p, T sample, AdaLn<T> modulation, T hidden) {
        return denoise(ops, p, sample, modulation, new Unattended<>(ops, p, modulation, hidden));
    }

    private <T> T denoise(Ops<T> ops, Params<T> p, T sample, AdaLn<T> modulation, Encoder<T> tokens) {
        int patch = config.patchSize();
        T input = Patches.embed(ops, p.at("x_embedder.proj"), sample, patch, config.hiddenSize());
        input = ops.add(input, p.get("pos_embed", 1, config.tokens(), config.hiddenSize()));
        int encoder = config.depth() - config.decodeLayer();

        T x = tokens.enter(input);
        Deque<T> skips = new ArrayDeque<>();
        for (int i = 0; i < encoder; i++) {
            boolean out = config.version() == 2 && i >= encoder / 2;
            x = block(ops, p, x, modulation, block(i), out ? skips.pop() : null, tokens);
            if (!out) {
                skips.push(x);
            }
        }
        x = tokens.leave(x);
        Encoder<T> all = new Whole<>(ops, p);
        for (int i = encoder; i < config.depth(); i++) {
            x = block(ops, p, x, modulation, block(i), config.version() == 2 ? input : null, all);
        }
        x = Transformer.finalLayer(ops, p, x, modulation, patch * patch * outChannels);
        return Patches.join(ops, x, patch, outChannels);
    }

    private <T> T block(
            Ops<T> ops, Params<T> p, T x, AdaLn<T> modulation, BlockShape shape, @Nullable T skip, Encoder<T> tokens) {
        int d = config.hiddenSize();
        Params<T> at = p.at(shape.path());
        return ops.section(() -> {
            T in = skip == null ? x : ops.linear(at.at("skip_linear"), ops.concat(2, List.of(x, skip)), 2 * d, d);
            return Transformer.block(ops, p, in, modulation, shape, tokens.bias(at.at("attn.rel_pos_bias")));
        });
    }

    /** What the encoder's blocks see of the tokens. */
    private interface Encoder<T> {
        T enter(T tokens);

        /** Of the attention logits. */
        T bias(Params<T> table);

        /** All tokens with the decoder's positions, those that were hidden filled in. */
        T leave(T encoded);
    }

    private <T> T positions(Ops<T> ops, Params<T> p, T x) {
        return ops.add(x, p.get("decoder_pos_embed", 1, config.tokens(), config.hiddenSize()));
    }

    private <T> T bias(Ops<T> ops, Params<T> table, @Nullable T keep) {
        return RelativePositionBias.of(ops, table, config.tokens(), config.numHeads(), keep);
    }

    /** MDT, section 3.3: one block over all tokens, those that were hidden being mask tokens, whose result counts at the hidden ones only. */
    private <T> T sideInterpolate(Ops<T> ops, Params<T> p, AdaLn<T> modulation, T tokens, T hidden) {
        T before = positions(ops, p, tokens);
        BlockShape side = block(0).at("sideblocks.0");
        T after = block(ops, p, before, modulation, side, null, new Whole<>(ops, p));
        return ops.add(before, ops.mul(hidden, ops.sub(after, before)));
    }

    private final class Whole<T> implements Encoder<T> {
        private final Ops<T> ops;
        private final Params<T> p;

        Whole(Ops<T> ops, Params<T> p) {
            this.ops = ops;
            this.p = p;
        }

        @Override
        public T enter(T tokens) {
            return tokens;
        }

        @Override
        public T bias(Params<T> table) {
            return MdtBody.this.bias(ops, table, null);
        }

        @Override
        public T leave(T encoded) {
            return positions(ops, p, encoded);
        }
    }

    private final class TakenOut<T> implements Encoder<T> {
        private final Ops<T> ops;
        private final Params<T> p;
        private final AdaLn<T> modulation;
        private final Masked<T> mask;

        TakenOut(Ops<T> ops, Params<T> p, AdaLn<T> modulation, Masked<T> mask) {
            this.ops = ops;
            this.p = p;
            this.modulation = modulation;
            this.mask = mask;
        }

        @Override
        public T enter(T tokens) {
            return ops.takeTokens(tokens, mask.keep());
        }

        @Override
        public T bias(Params<T> table) {
            return MdtBody.this.bias(ops, table, mask.keep());
        }

        @Override
        public T leave(T encoded) {
            int kept = ops.shape(encoded).dim(1);
            // The mask carries the batch: mask_token [1,1,D] plus zeros of the mask's shape is a mask token for every
            // token.
            T hidden = ops.add(ops.scale(mask.mask(), 0), p.get("mask_token", 1, 1, config.hiddenSize()));
            T all = ops.concat(1, List.of(encoded, ops.slice(hidden, 1, kept, config.tokens())));
            return sideInterpolate(ops, p, modulation, ops.takeTokens(all, mask.restore()), mask.mask());
        }
    }

    private final class Unattended<T> implements Encoder<T> {
        /** Far enough below any logit that its exponential is zero, and within fp16. */
        private static final float NEVER = -1e4f;

        private final Ops<T> ops;
        private final Params<T> p;
        private final AdaLn<T> modulation;
        private final T hidden;
        private final T never;

        Unattended(Ops<T> ops, Params<T> p, AdaLn<T> modulation, T hidden) {
            this.ops = ops;
            this.p = p;
            this.modulation = modulation;
            this.hidden = hidden;
            this.never = ops.reshape(ops.scale(hidden, NEVER), Shape.BATCH, 1, 1, config.tokens());
        }

        @Override
        public T enter(T tokens) {
            return tokens;
        }

        @Override
        public T bias(Params<T> table) {
            return ops.add(MdtBody.this.bias(ops, table, null), never);
        }

        @Override
        public T leave(T encoded) {
            T token = p.get("mask_token", 1, 1, config.hiddenSize());
            T filled = ops.add(encoded, ops.mul(hidden, ops.sub(token, encoded)));
            return sideInterpolate(ops, p, modulation, filled, hidden);
        }
    }
}

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
     * @param mask the tokens that are hidden from the encoder; null in inference, where the side-interpolater is the addition of its positions
     */
    public <T> T denoise(Ops<T> ops, Params<T> p, T sample, AdaLn<T> modulation, @Nullable Masked<T> mask) {
        int patch = config.patchSize();
        T input = Patches.embed(ops, p.at("x_embedder.proj"), sample, patch, config.hiddenSize());
        input = ops.add(input, p.get("pos_embed", 1, config.tokens(), config.hiddenSize()));
        T keep = mask == null ? null : mask.keep();
        int encoder = config.depth() - config.decodeLayer();

        T x = mask == null ? input : ops.takeTokens(input, mask.keep());
        Deque<T> skips = new ArrayDeque<>();
        for (int i = 0; i < encoder; i++) {
            boolean out = config.version() == 2 && i >= encoder / 2;
            x = block(ops, p, x, modulation, block(i), out ? skips.pop() : null, keep);
            if (!out) {
                skips.push(x);
            }
        }
        x = mask == null ? decoderPositions(ops, p, x) : sideInterpolate(ops, p, x, modulation, mask);
        for (int i = encoder; i < config.depth(); i++) {
            x = block(ops, p, x, modulation, block(i), config.version() == 2 ? input : null, null);
        }
        x = Transformer.finalLayer(ops, p, x, modulation, patch * patch * outChannels);
        return Patches.join(ops, x, patch, outChannels);
    }

    private <T> T block(
            Ops<T> ops, Params<T> p, T x, AdaLn<T> modulation, BlockShape shape, @Nullable T skip, @Nullable T keep) {
        int d = config.hiddenSize();
        Params<T> at = p.at(shape.path());
        T in = skip == null ? x : ops.linear(at.at("skip_linear"), ops.concat(2, List.of(x, skip)), 2 * d, d);
        T bias = RelativePositionBias.of(ops, at.at("attn.rel_pos_bias"), config.tokens(), config.numHeads(), keep);
        return Transformer.block(ops, p, in, modulation, shape, bias);
    }

    private <T> T decoderPositions(Ops<T> ops, Params<T> p, T x) {
        return ops.add(x, p.get("decoder_pos_embed", 1, config.tokens(), config.hiddenSize()));
    }

    /** MDT, section 3.3: mask tokens where tokens were hidden, one block over all of them, whose result counts at the hidden ones only. */
    private <T> T sideInterpolate(Ops<T> ops, Params<T> p, T x, AdaLn<T> modulation, Masked<T> mask) {
        int d = config.hiddenSize();
        int kept = ops.shape(x).dim(1);
        // The mask carries the batch: mask_token [1,1,D] plus zeros of the mask's shape is a mask token for every
        // token.
        T hidden = ops.add(ops.scale(mask.mask(), 0), p.get("mask_token", 1, 1, d));
        T all = ops.concat(1, List.of(x, ops.slice(hidden, 1, kept, config.tokens())));
        T before = decoderPositions(ops, p, ops.takeTokens(all, mask.restore()));
        T after = block(ops, p, before, modulation, block(0).at("sideblocks.0"), null, null);
        return ops.add(before, ops.mul(mask.mask(), ops.sub(after, before)));
    }
}

package org.maskrt.models.maskdit;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.MaskedDenoiser;
import org.maskrt.models.ModulationSlot;
import org.maskrt.models.layers.AdaLn;
import org.maskrt.models.layers.Patches;
import org.maskrt.models.layers.TimestepEmbedder;
import org.maskrt.models.layers.Transformer;
import org.maskrt.models.layers.Transformer.BlockShape;
import org.maskrt.models.mdt.MaskPlan.Masked;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/**
 * MaskDiT (Zheng et al., "Fast Training of Diffusion Models with Masked Transformers", 2023): a DiT as encoder, which in training sees the kept
 * tokens only, and a light DiT as decoder, which sees a mask token in place of the others.
 *
 * <p>As a {@link org.maskrt.models.Denoiser} it is EDM's raw network F: the timestep is c_noise = ln(sigma)/4, the sample is scaled by c_in.
 * {@link #denoised} is EDM's D. The null class adds nothing to the condition.
 */
public record MaskDit(MaskDitConfig config) implements MaskedDenoiser {
    /** Published weights lie below the preconditioning's {@code model}. */
    private static final String ROOT = "model.";

    private static final String DECODER = ROOT + "decoder_layer";
    private static final String FINAL = ROOT + "final_layer";

    @Override
    public int tokens() {
        return config.tokens();
    }

    @Override
    public int inputSize() {
        return config.inputSize();
    }

    @Override
    public int inChannels() {
        return config.inChannels();
    }

    @Override
    public int outChannels() {
        return config.inChannels();
    }

    @Override
    public int numClasses() {
        return config.numClasses();
    }

    @Override
    public List<ModulationSlot> modulation() {
        List<ModulationSlot> slots = new ArrayList<>();
        for (int i = 0; i < config.depth(); i++) {
            slots.add(encoder(i).slot());
        }
        slots.add(decoderSlot());
        for (int i = 0; i < config.decoderDepth(); i++) {
            slots.add(decoder(i).slot());
        }
        slots.add(finalSlot());
        return slots;
    }

    private BlockShape encoder(int i) {
        int d = config.hiddenSize();
        return new BlockShape(ROOT + "blocks." + i, d, config.numHeads(), (int) (d * config.mlpRatio()));
    }

    private BlockShape decoder(int i) {
        int d = config.decoderHiddenSize();
        return new BlockShape(ROOT + "decoder_blocks." + i, d, config.decoderNumHeads(), (int) (d * config.mlpRatio()));
    }

    private ModulationSlot decoderSlot() {
        return new ModulationSlot(DECODER, 2, config.hiddenSize());
    }

    private ModulationSlot finalSlot() {
        return new ModulationSlot(FINAL, 2, config.decoderHiddenSize());
    }

    @Override
    public <T> T condition(Ops<T> ops, Params<T> p, T timestep, T label) {
        return ops.add(time(ops, p, timestep), label(ops, p, label));
    }

    @Override
    public <T> T conditionAll(Ops<T> ops, Params<T> p, T timesteps, T labels) {
        int d = config.hiddenSize();
        return ops.add(
                ops.reshape(time(ops, p, timesteps), ops.shape(timesteps).dim(0), 1, d),
                ops.reshape(label(ops, p, labels), 1, Shape.BATCH, d));
    }

    private <T> T time(Ops<T> ops, Params<T> p, T timestep) {
        return TimestepEmbedder.embed(ops, p.at(ROOT + "t_embedder"), timestep, config.hiddenSize());
    }

    /** The published embedding is a linear of one-hot labels, with none set for the null class. */
    private <T> T label(Ops<T> ops, Params<T> p, T label) {
        int d = config.hiddenSize();
        T weight = p.get(ROOT + "y_embedder.embedding_table.weight", d, config.numClasses());
        T table = ops.concat(0, List.of(ops.transpose(weight, 1, 0), ops.constant(new float[d], 1, d)));
        return ops.rows(table, label);
    }

    @Override
    public <T> T denoise(Ops<T> ops, Params<T> p, T sample, AdaLn<T> modulation) {
        return denoise(ops, p, sample, modulation, null);
    }

    @Override
    public <T> T forwardMasked(Ops<T> ops, Params<T> p, T sample, T timestep, T label, Masked<T> mask) {
        return denoise(ops, p, sample, AdaLn.of(ops, condition(ops, p, timestep, label)), mask);
    }

    private <T> T denoise(Ops<T> ops, Params<T> p, T sample, AdaLn<T> modulation, @Nullable Masked<T> mask) {
        int patch = config.patchSize();
        T x = Patches.embed(ops, p.at(ROOT + "x_embedder.proj"), sample, patch, config.hiddenSize());
        x = ops.add(x, positions(ops, p, "pos_embed", config.hiddenSize()));
        if (mask != null) {
            x = ops.takeTokens(x, mask.keep());
        }
        for (int i = 0; i < config.depth(); i++) {
            x = Transformer.block(ops, p, x, modulation, encoder(i), null);
        }
        int d = config.decoderHiddenSize();
        x = Transformer.modulatedLinear(ops, p, x, modulation, decoderSlot(), d);
        if (mask != null) {
            int kept = ops.shape(x).dim(1);
            // The mask carries the batch: zeros of its shape plus the mask token are a mask token for every token.
            T tokens = ops.add(ops.scale(mask.mask(), 0), p.get(ROOT + "mask_token", 1, 1, d));
            T all = ops.concat(1, List.of(x, ops.slice(tokens, 1, kept, config.tokens())));
            x = ops.takeTokens(all, mask.restore());
        }
        x = ops.add(x, positions(ops, p, "decoder_pos_embed", d));
        for (int i = 0; i < config.decoderDepth(); i++) {
            x = Transformer.block(ops, p, x, modulation, decoder(i), null);
        }
        x = Transformer.modulatedLinear(ops, p, x, modulation, finalSlot(), patch * patch * config.inChannels());
        return Patches.join(ops, x, patch, config.inChannels());
    }

    /** Published as fixed embeddings: weights that are not trained. */
    private <T> T positions(Ops<T> ops, Params<T> p, String name, int width) {
        return ops.stopGradient(p.get(ROOT + name, 1, config.tokens(), width));
    }

    /**
     * D of EDM (Karras et al., 2022, equation 7): c_skip x + c_out F(c_in x; c_noise).
     *
     * @param scaling c_skip, c_out and c_in of each sample, [B,3]; {@link org.maskrt.models.diffusion.Edm} gives them
     * @param noise c_noise [B]
     * @param mask of the masked branch; null for the whole picture
     */
    public <T> T denoised(Ops<T> ops, Params<T> p, T x, T scaling, T noise, T label, @Nullable Masked<T> mask) {
        List<T> factors = ops.split(scaling, 1, 1, 1, 1);
        List<T> wide =
                factors.stream().map(f -> ops.reshape(f, Shape.BATCH, 1, 1, 1)).toList();
        T scaled = ops.mul(x, wide.get(2));
        T raw = mask == null
                ? forward(ops, p, scaled, noise, label)
                : forwardMasked(ops, p, scaled, noise, label, mask);
        return ops.add(ops.mul(x, wide.get(0)), ops.mul(raw, wide.get(1)));
    }
}

package org.maskrt.models.dit;

import java.util.ArrayList;
import java.util.List;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ModulationSlot;
import org.maskrt.models.layers.AdaLn;
import org.maskrt.models.layers.ClassCondition;
import org.maskrt.models.layers.Patches;
import org.maskrt.models.layers.Transformer;
import org.maskrt.models.layers.Transformer.BlockShape;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/** DiT: a transformer on latent patches with adaLN-Zero blocks (Peebles and Xie, "Scalable Diffusion Models with Transformers", 2023). */
public record Dit(DitConfig config) implements Denoiser {
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
        return config.outChannels();
    }

    @Override
    public int numClasses() {
        return config.numClasses();
    }

    @Override
    public List<ModulationSlot> modulation() {
        List<ModulationSlot> slots = new ArrayList<>();
        for (int i = 0; i < config.depth(); i++) {
            slots.add(block(i).slot());
        }
        slots.add(Transformer.finalSlot(config.hiddenSize()));
        return slots;
    }

    private BlockShape block(int i) {
        int d = config.hiddenSize();
        return new BlockShape("blocks." + i, d, config.numHeads(), (int) (d * config.mlpRatio()));
    }

    @Override
    public <T> T condition(Ops<T> ops, Params<T> p, T timestep, T label) {
        return ClassCondition.of(ops, p, timestep, label, config.numClasses(), config.hiddenSize());
    }

    @Override
    public <T> T conditionAll(Ops<T> ops, Params<T> p, T timesteps, T labels) {
        return ClassCondition.ofAll(ops, p, timesteps, labels, config.numClasses(), config.hiddenSize());
    }

    @Override
    public <T> T denoise(Ops<T> ops, Params<T> p, T sample, AdaLn<T> modulation) {
        int d = config.hiddenSize();
        int patch = config.patchSize();
        T x = Patches.embed(ops, p.at("x_embedder.proj"), sample, patch, d);
        // Published as a fixed embedding: a weight that is not trained.
        x = ops.add(x, ops.stopGradient(p.get("pos_embed", 1, config.tokens(), d)));
        for (int i = 0; i < config.depth(); i++) {
            x = Transformer.block(ops, p, x, modulation, block(i), null);
        }
        x = Transformer.finalLayer(ops, p, x, modulation, patch * patch * config.outChannels());
        return Patches.join(ops, x, patch, config.outChannels());
    }
}

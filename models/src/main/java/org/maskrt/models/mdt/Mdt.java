package org.maskrt.models.mdt;

import java.util.List;
import org.maskrt.models.ModulationSlot;
import org.maskrt.models.layers.AdaLn;
import org.maskrt.models.layers.ClassCondition;
import org.maskrt.models.mdt.MaskPlan.Masked;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/**
 * MDT: a DiT with relative position bias that in training also sees masked latents, whose hidden tokens a side-interpolater fills in before the
 * last blocks (Gao et al., "Masked Diffusion Transformer is a Strong Image Synthesizer", 2023). Version 2 adds long skip connections (Gao et al.,
 * "MDTv2", 2023): from the in-blocks to the out-blocks, and from the input tokens to every decoder block.
 *
 * <p>In inference nothing is masked and the side-interpolater is the addition of its position embedding.
 */
public record Mdt(MdtConfig config) implements MdtDenoiser {
    @Override
    public MdtBody body() {
        return new MdtBody(config, config.outChannels());
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
        return config.outChannels();
    }

    @Override
    public int numClasses() {
        return config.numClasses();
    }

    @Override
    public List<ModulationSlot> modulation() {
        return body().modulation();
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
        return body().denoise(ops, p, sample, modulation, null);
    }

    @Override
    public <T> T forwardMasked(Ops<T> ops, Params<T> p, T sample, T timestep, T label, Masked<T> mask) {
        return body().denoise(ops, p, sample, AdaLn.of(ops, condition(ops, p, timestep, label)), mask);
    }
}

package org.maskrt.models;

import java.util.ArrayList;
import java.util.List;
import org.maskrt.models.layers.AdaLn;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/**
 * A diffusion transformer on latents, conditioned on a timestep and a class by adaLN-Zero. Pure: the same operations whatever the interpreter.
 *
 * <p>The condition reaches the blocks only through their modulations, so a sampler may compute those once for all timesteps
 * ({@link #conditioner}) and leave a third of the parameters out of its loop ({@link #denoise}).
 */
public interface Denoiser {
    /** Height and width of the latent. */
    int inputSize();

    /** Channels of the latent. */
    int inChannels();

    /** Channels of the output: the noise, then (with learned variance) as many of variance. */
    int outChannels();

    /** Classes without the null class, whose index is this number. */
    int numClasses();

    /** Every adaLN-Zero layer of the inference graph, in order. */
    List<ModulationSlot> modulation();

    /** The vector that modulates the blocks: timesteps fp32 [B] in 0..999 and labels int64 [B] to [B,D]. */
    <T> T condition(Ops<T> ops, Params<T> p, T timestep, T label);

    /** As {@link #condition} for every pair: timesteps fp32 [S] and labels int64 [B] to [S,B,D]. */
    <T> T conditionAll(Ops<T> ops, Params<T> p, T timesteps, T labels);

    /** The body, side-interpolater replaced by the decoder position embedding: [B,C,H,W] to [B,C',H,W]. */
    <T> T denoise(Ops<T> ops, Params<T> p, T sample, AdaLn<T> modulation);

    /** The plain model: sample [B,C,H,W], timestep fp32 [B], label int64 [B] to [B,C',H,W]. */
    default <T> T forward(Ops<T> ops, Params<T> p, T sample, T timestep, T label) {
        return denoise(ops, p, sample, AdaLn.of(ops, condition(ops, p, timestep, label)));
    }

    /** The body on a modulation [B,K] of {@link #conditioner}. */
    default <T> T denoise(Ops<T> ops, Params<T> p, T sample, T modulation) {
        return denoise(ops, p, sample, AdaLn.hoisted(ops, modulation, modulation()));
    }

    /** All modulations of all timesteps: fp32 [S] and int64 [B] to [S,B,K], each scale with its 1 already added. */
    default <T> T conditioner(Ops<T> ops, Params<T> p, T timesteps, T labels) {
        T active = ops.silu(conditionAll(ops, p, timesteps, labels));
        List<T> parts = new ArrayList<>();
        for (ModulationSlot slot : modulation()) {
            parts.add(AdaLn.modulation(ops, p.at(slot.path()), active, slot));
        }
        return ops.concat(2, parts);
    }

    /** The length K of a modulation vector. */
    default int modulationSize() {
        return modulation().stream().mapToInt(ModulationSlot::size).sum();
    }
}

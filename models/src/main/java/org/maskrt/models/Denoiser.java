package org.maskrt.models;

import java.util.ArrayList;
import java.util.List;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.layers.AdaLn;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/**
 * A diffusion transformer on latents, conditioned by adaLN-Zero on a timestep and on a class, or on a vector that another network made. Pure: the same operations whatever the interpreter.
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

    /** Channels of the hint, a known picture that comes before the latent in the sample; 0 without one. */
    default int hintChannels() {
        return 0;
    }

    /** Classes without the null class, whose index is this number; 0 where the condition is a vector. */
    int numClasses();

    /** Width of the condition vector, whose null is zeros; 0 where the condition is a class. */
    default int conditionWidth() {
        return 0;
    }

    /** The channels that guidance acts on where its authors sample. */
    default GuidedChannels guidedChannels() {
        return GuidedChannels.REFERENCE;
    }

    /** The shape of a sample: hint and latent. */
    default int[] sampleDims(int batch) {
        return new int[] {batch, hintChannels() + inChannels(), inputSize(), inputSize()};
    }

    /** The shape of a condition: class indices [B], or vectors [B,W]. */
    default int[] conditionDims(int batch) {
        return conditionWidth() == 0 ? new int[] {batch} : new int[] {batch, conditionWidth()};
    }

    /** Every adaLN-Zero layer of the inference graph, in order. */
    List<ModulationSlot> modulation();

    /** The vector that modulates the blocks: timesteps fp32 [B] in 0..999 and conditions (int64 [B] or fp32 [B,W]) to [B,D]. */
    <T> T condition(Ops<T> ops, Params<T> p, T timestep, T condition);

    /** As {@link #condition} for every pair: timesteps fp32 [S] and conditions (int64 [B] or fp32 [B,W]) to [S,B,D]. */
    <T> T conditionAll(Ops<T> ops, Params<T> p, T timesteps, T conditions);

    /** The body, side-interpolater replaced by the decoder position embedding: [B,C,H,W] to [B,C',H,W]. */
    <T> T denoise(Ops<T> ops, Params<T> p, T sample, AdaLn<T> modulation);

    /** The plain model: sample [B,C,H,W], timestep fp32 [B], condition int64 [B] or fp32 [B,W] to [B,C',H,W]. */
    default <T> T forward(Ops<T> ops, Params<T> p, T sample, T timestep, T condition) {
        return denoise(ops, p, sample, AdaLn.of(ops, condition(ops, p, timestep, condition)));
    }

    /** The body on a modulation [B,K] of {@link #conditioner}. */
    default <T> T denoise(Ops<T> ops, Params<T> p, T sample, T modulation) {
        return denoise(ops, p, sample, AdaLn.hoisted(ops, modulation, modulation()));
    }

    /** All modulations of all timesteps: fp32 [S] and conditions to [S,B,K], each scale with its 1 already added. */
    default <T> T conditioner(Ops<T> ops, Params<T> p, T timesteps, T conditions) {
        T active = ops.silu(conditionAll(ops, p, timesteps, conditions));
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

package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import java.util.random.RandomGenerator;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.Params;
import org.maskrt.trainer.DiffusionLoss.Noised;
import org.maskrt.trainer.DiffusionLoss.Terms;
import org.maskrt.trainer.Streams.Purpose;

/**
 * Denoising of latents, and for an MDT and an E-MD3C of masked latents too (MDT, section 3.2): the mean loss of the full pass plus that of the
 * masked pass, on the same noised latents and conditions. Timesteps are uniform; a share of the conditions becomes the null. Everything random is
 * drawn here, not in the model.
 */
final class DenoiserObjective implements Objective {
    private final NdOps ops;
    private final Denoiser model;
    private final NoiseSchedule schedule = NoiseSchedule.linear();
    private final DiffusionLoss diffusion;
    private final double conditionDrop;
    private final Streams streams;
    private final LongFunction<Conditioned> batches;

    /**
     * The objective on a stream of batches.
     *
     * @param conditionDrop the share of conditions that become the null
     * @param batches the batch of a step
     */
    DenoiserObjective(
            NdOps ops, Denoiser model, double conditionDrop, Streams streams, LongFunction<Conditioned> batches) {
        this.ops = ops;
        this.model = model;
        this.diffusion = new DiffusionLoss(ops, schedule, DiffusionLoss.publishedSnrCap(model));
        this.conditionDrop = conditionDrop;
        this.streams = streams;
        this.batches = batches;
    }

    @Override
    public List<String> metrics() {
        return masks() ? List.of("mse", "vb", "masked_mse", "masked_vb") : List.of("mse", "vb");
    }

    private boolean masks() {
        return model instanceof MdtDenoiser masked && masked.body().config().maskRatio() > 0;
    }

    @Override
    public NDArray loss(Params<NDArray> p, long step, Map<String, Float> metrics) {
        Conditioned batch = batches.apply(step);
        int b = batch.size();
        float[] clean = batch.latents();
        int[] dims = {b, model.inChannels(), model.inputSize(), model.inputSize()};
        int[] t =
                streams.of(Purpose.TIMESTEP, step).ints(b, 0, schedule.steps()).toArray();
        Noised noised = new Noised(clean, streams.normal(Purpose.NOISE, step, clean.length), t, dims);
        NDArray x = batch.sample(ops, ops.constant(diffusion.sample(noised), dims));
        float[] timestep = new float[b];
        for (int i = 0; i < b; i++) {
            timestep[i] = t[i];
        }
        NDArray time = ops.constant(timestep, b);
        NDArray condition = batch.condition(ops, p, dropped(b, step));

        Terms full = diffusion.terms(model.forward(ops, p, x, time, condition), noised);
        metrics.put("mse", full.mse().mean().getFloat());
        metrics.put("vb", full.vb().mean().getFloat());
        if (!(model instanceof MdtDenoiser masking) || !masks()) {
            return full.loss().mean();
        }
        MaskPlan plan = plan(masking.body().config(), b, streams.of(Purpose.MASK, step));
        Terms masked = diffusion.terms(masking.forwardMasked(ops, p, x, time, condition, plan.on(ops)), noised);
        metrics.put("masked_mse", masked.mse().mean().getFloat());
        metrics.put("masked_vb", masked.vb().mean().getFloat());
        return full.loss().mean().add(masked.loss().mean());
    }

    /** Version 1 hides a fixed share of the tokens; version 2 draws it from [ratio, ratio + 0.2], once for the batch. */
    static MaskPlan plan(MdtConfig config, int batch, RandomGenerator random) {
        int tokens = config.tokens();
        int kept = config.version() == 1
                ? MaskPlan.kept(tokens, config.maskRatio())
                : MaskPlan.kept(tokens, (float) (random.nextFloat() * 0.2f + config.maskRatio()));
        float[] noise = new float[batch * tokens];
        for (int i = 0; i < noise.length; i++) {
            noise[i] = random.nextFloat();
        }
        return MaskPlan.of(noise, batch, tokens, kept);
    }

    private boolean[] dropped(int count, long step) {
        RandomGenerator random = streams.of(Purpose.LABEL_DROP, step);
        boolean[] out = new boolean[count];
        for (int i = 0; i < count; i++) {
            out[i] = random.nextDouble() < conditionDrop;
        }
        return out;
    }
}

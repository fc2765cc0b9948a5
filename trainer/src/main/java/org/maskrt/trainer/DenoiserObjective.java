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
import org.maskrt.trainer.data.Batch;

/**
 * Denoising of latents, and for an MDT of masked latents too (MDT, section 3.2): the mean loss of the full pass plus that of the masked pass, on
 * the same noised latents. Timesteps are uniform; a share of the labels becomes the null class. Everything random is drawn here, not in the model.
 */
final class DenoiserObjective implements Objective {
    private final NdOps ops;
    private final Denoiser model;
    private final NoiseSchedule schedule = NoiseSchedule.linear();
    private final DiffusionLoss diffusion;
    private final double labelDrop;
    private final Streams streams;
    private final LongFunction<Batch> latents;

    /** @param latents the batch of a step, [B,C,h,w], scaled for the denoiser */
    DenoiserObjective(NdOps ops, Denoiser model, double labelDrop, Streams streams, LongFunction<Batch> latents) {
        this.ops = ops;
        this.model = model;
        this.diffusion = new DiffusionLoss(ops, schedule, DiffusionLoss.publishedSnrCap(model));
        this.labelDrop = labelDrop;
        this.streams = streams;
        this.latents = latents;
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
        Batch batch = latents.apply(step);
        int b = batch.labels().length;
        int[] dims = {b, model.inChannels(), model.inputSize(), model.inputSize()};
        int[] t =
                streams.of(Purpose.TIMESTEP, step).ints(b, 0, schedule.steps()).toArray();
        Noised noised = new Noised(batch.values(), streams.normal(Purpose.NOISE, step, batch.values().length), t, dims);
        NDArray x = ops.constant(diffusion.sample(noised), dims);
        float[] timestep = new float[b];
        for (int i = 0; i < b; i++) {
            timestep[i] = t[i];
        }
        NDArray time = ops.constant(timestep, b);
        NDArray label = ops.indices(dropped(batch.labels(), step), b);

        Terms full = diffusion.terms(model.forward(ops, p, x, time, label), noised);
        metrics.put("mse", full.mse().mean().getFloat());
        metrics.put("vb", full.vb().mean().getFloat());
        if (!(model instanceof MdtDenoiser masking) || !masks()) {
            return full.loss().mean();
        }
        MaskPlan plan = plan(masking.body().config(), b, streams.of(Purpose.MASK, step));
        Terms masked = diffusion.terms(masking.forwardMasked(ops, p, x, time, label, plan.on(ops)), noised);
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

    private long[] dropped(long[] labels, long step) {
        RandomGenerator random = streams.of(Purpose.LABEL_DROP, step);
        long[] out = labels.clone();
        for (int i = 0; i < out.length; i++) {
            if (random.nextDouble() < labelDrop) {
                out[i] = model.numClasses();
            }
        }
        return out;
    }
}

package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.Params;
import org.maskrt.trainer.DiffusionLoss.Noised;
import org.maskrt.trainer.DiffusionLoss.Terms;
import org.maskrt.trainer.Streams.Purpose;

/**
 * Denoising of latents, and for an MDT and an E-MD3C of masked latents too (MDT, section 3.2): the mean loss of the full pass plus lambda times
 * that of the masked pass, on the same noised latents and conditions. A share of the conditions becomes the null. Everything random is drawn
 * here, not in the model.
 */
final class DenoiserObjective implements Objective {
    /** The range of MDT v2's drawn mask ratio. */
    private static final double MDT_V2_RANGE = 0.2;

    /**
     * What is chosen about a training beside its data.
     *
     * @param conditionDrop the share of conditions that become the null
     * @param masks what the masked pass hides
     * @param maskedWeight lambda
     * @param timesteps how they are drawn
     */
    record Recipe(double conditionDrop, MaskSchedule masks, double maskedWeight, Timesteps timesteps) {
        /** As the model's authors publish it. */
        static Recipe published(Denoiser model, double conditionDrop) {
            double ratio =
                    model instanceof MdtDenoiser mdt ? mdt.body().config().maskRatio() : 0;
            double range = model instanceof Mdt mdt && mdt.config().version() == 2 ? MDT_V2_RANGE : 0;
            return new Recipe(conditionDrop, MaskSchedule.fixed(ratio, range), 1, Timesteps.UNIFORM);
        }
    }

    private final Denoiser model;
    private final Recipe recipe;
    private final NoiseSchedule schedule = NoiseSchedule.linear();
    private final double snrCap;
    private final TimestepSampler timesteps;
    private final Streams streams;
    private final LongFunction<? extends Conditioned> batches;

    /**
     * The objective on a stream of batches.
     *
     * @param batches the batch of a step
     */
    DenoiserObjective(Denoiser model, Recipe recipe, Streams streams, LongFunction<? extends Conditioned> batches) {
        this.model = model;
        this.recipe = recipe;
        this.snrCap = DiffusionLoss.publishedSnrCap(model);
        this.timesteps = recipe.timesteps().sampler(schedule.steps());
        this.streams = streams;
        this.batches = batches;
    }

    @Override
    public List<String> metrics() {
        return masks() ? List.of("mse", "vb", "masked_mse", "masked_vb") : List.of("mse", "vb");
    }

    private boolean masks() {
        return model instanceof MdtDenoiser && recipe.masks().masks();
    }

    @Override
    public Map<String, float[]> state() {
        return timesteps.state();
    }

    @Override
    public void restore(Map<String, float[]> state) {
        timesteps.restore(state);
    }

    @Override
    public TrainStep prepare(long step) {
        Conditioned batch = batches.apply(step);
        int b = batch.size();
        MaskPlan plan = model instanceof MdtDenoiser masked
                ? recipe.masks().plan(b, masked.tokens(), step, streams.of(Purpose.MASK, step))
                : null;
        return new Denoising(
                step, batch, streams.normal(Purpose.NOISE, step, batch.latents().length), dropped(b, step), plan);
    }

    private boolean[] dropped(int count, long step) {
        RandomGenerator random = streams.of(Purpose.LABEL_DROP, step);
        boolean[] out = new boolean[count];
        for (int i = 0; i < count; i++) {
            out[i] = random.nextDouble() < recipe.conditionDrop();
        }
        return out;
    }

    private final class Denoising implements TrainStep {
        private final long step;
        private final Conditioned batch;
        private final float[] noise;
        private final boolean[] dropped;
        private final @Nullable MaskPlan plan;
        private int[] times = {};
        private float @Nullable [] weights;
        private final float[] losses;

        Denoising(long step, Conditioned batch, float[] noise, boolean[] dropped, @Nullable MaskPlan plan) {
            this.step = step;
            this.batch = batch;
            this.noise = noise;
            this.dropped = dropped;
            this.plan = plan;
            this.losses = new float[batch.size()];
        }

        @Override
        public int size() {
            return batch.size();
        }

        @Override
        public void begin() {
            times = timesteps.draw(streams.of(Purpose.TIMESTEP, step), batch.size());
            weights = timesteps.weights(times);
        }

        @Override
        public NDArray loss(NdOps ops, Params<NDArray> p, Rows rows, Map<String, Float> metrics) {
            Conditioned part = batch.rows(rows);
            int b = part.size();
            int[] dims = {b, model.inChannels(), model.inputSize(), model.inputSize()};
            int[] t = Arrays.copyOfRange(times, rows.from(), rows.to());
            DiffusionLoss diffusion = new DiffusionLoss(ops, schedule, snrCap);
            Noised noised = new Noised(part.latents(), rows.of(noise, batch.size()), t, dims);
            NDArray x = part.sample(ops, ops.constant(diffusion.sample(noised), dims));
            float[] timestep = new float[b];
            for (int i = 0; i < b; i++) {
                timestep[i] = t[i];
            }
            NDArray time = ops.constant(timestep, b);
            NDArray condition = part.condition(ops, p, Arrays.copyOfRange(dropped, rows.from(), rows.to()));

            Terms full = diffusion.terms(model.forward(ops, p, x, time, condition), noised);
            metrics.put("mse", full.mse().mean().getFloat());
            metrics.put("vb", full.vb().mean().getFloat());
            if (weights != null) {
                System.arraycopy(full.loss().toFloatArray(), 0, losses, rows.from(), b);
            }
            NDArray loss = mean(ops, full, rows);
            if (plan == null || !(model instanceof MdtDenoiser masking)) {
                return loss;
            }
            NDArray output = masking.forwardMasked(
                    ops, p, x, time, condition, rows.of(plan).on(ops));
            Terms masked = diffusion.terms(output, noised);
            metrics.put("masked_mse", masked.mse().mean().getFloat());
            metrics.put("masked_vb", masked.vb().mean().getFloat());
            NDArray hidden = mean(ops, masked, rows);
            return loss.add(recipe.maskedWeight() == 1 ? hidden : ops.scale(hidden, (float) recipe.maskedWeight()));
        }

        private NDArray mean(NdOps ops, Terms terms, Rows rows) {
            float[] w = weights;
            if (w == null) {
                return terms.loss().mean();
            }
            return ops.mul(terms.loss(), ops.constant(rows.of(w, batch.size()), rows.size()))
                    .mean();
        }

        @Override
        public void end() {
            timesteps.learn(times, losses);
        }
    }
}

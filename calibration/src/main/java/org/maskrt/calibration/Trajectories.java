package org.maskrt.calibration;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.Ddim;
import org.maskrt.models.diffusion.Edm;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.HeunSampler;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.diffusion.Step;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.random.PerImageRandom;

/**
 * Guided sampling, a picture at a time: DDIM, or EDM's sampler for MaskDiT. Each run of the network has two rows, the picture's condition and the null
 * condition.
 */
public final class Trajectories {
    /** Both ends of EDM's noise levels with room around them, as the network is told of them. */
    private static final double[] NOISE = {-1.6, 1.2};

    private final Denoiser model;
    private final Guided guided;
    private final List<Step> steps;
    private final @Nullable HeunSampler heun;
    private final int trainTimesteps;

    /**
     * Classifier-free guidance.
     *
     * @param weight at each timestep; EDM's sampler takes that of timestep 0
     * @param channels on which it acts
     */
    public record Guided(Guidance weight, GuidedChannels channels) {}

    /**
     * A picture to sample.
     *
     * @param condition a class, int64 [1], or a vector [1,W]
     * @param hint [1,C',H,W] of models that have one
     */
    public record Picture(
            long seed, Tensor condition, @Nullable Tensor hint) {}

    /**
     * @param schedule with as many steps as are sampled
     * @throws org.maskrt.models.MaskRtException (USAGE) if EDM's sampler gets fewer than two steps
     */
    public Trajectories(Denoiser model, NoiseSchedule schedule, Guided guided) {
        this.model = model;
        this.guided = guided;
        this.trainTimesteps = schedule.trainTimesteps();
        this.heun = model instanceof MaskDit ? HeunSampler.of(schedule.steps()) : null;
        this.steps = heun == null ? new Ddim(0).plan(schedule) : List.of();
    }

    /** How often the network runs for a picture. */
    public int evaluations() {
        return heun == null ? steps.size() : heun.evaluations();
    }

    /** Bins over everything that the network is told of time. */
    public TimestepBins bins(int count) {
        return heun == null
                ? TimestepBins.even(0, trainTimesteps, count)
                : TimestepBins.even(NOISE[0], NOISE[1], count);
    }

    /** The latents [C,H,W] that {@code picture} ends with. */
    public float[] run(Picture picture, Function<Network.Rows, Tensor> network) {
        float[] start = new float[model.inChannels() * model.inputSize() * model.inputSize()];
        new PerImageRandom(picture.seed()).normal(0, start, 0, start.length);
        Guide guide = new Guide(picture, network);
        return heun == null ? ddim(start, guide) : edm(start, guide, heun);
    }

    private float[] ddim(float[] start, Guide guide) {
        float[] x = start;
        float[] none = new float[x.length];
        for (Step step : steps) {
            float[] eps = guide.output(x, step.timestep(), guided.weight.weight(step.timestep()));
            step.coefficients().apply(x, eps, none, none, x);
        }
        return x;
    }

    private float[] edm(float[] start, Guide guide, HeunSampler sampler) {
        Edm edm = new Edm(((MaskDit) model).config().sigmaData());
        double weight = guided.weight.weight(0);
        double[] found = sampler.sample(
                start,
                (noisy, sigma) -> {
                    float[] level = {(float) sigma};
                    float[] scaling = edm.scaling(level);
                    float[] scaled = new float[noisy.length];
                    for (int i = 0; i < scaled.length; i++) {
                        scaled[i] = scaling[2] * noisy[i];
                    }
                    float[] f = guide.output(scaled, Edm.noise(level)[0], weight);
                    for (int i = 0; i < f.length; i++) {
                        f[i] = scaling[0] * noisy[i] + scaling[1] * f[i];
                    }
                    return f;
                },
                (step, count) -> new float[count]);
        float[] x = new float[found.length];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) found[i];
        }
        return x;
    }

    /** The network on both conditions, and their guided noise. */
    private final class Guide {
        private final Tensor condition;
        private final @Nullable Tensor hint;
        private final Function<Network.Rows, Tensor> network;

        Guide(Picture picture, Function<Network.Rows, Tensor> network) {
            this.network = network;
            this.hint = picture.hint() == null ? null : twice(picture.hint());
            this.condition = picture.condition().isIndices()
                    ? Tensor.ofIndices(new long[] {picture.condition().indices()[0], model.numClasses()}, 2)
                    : Tensor.of(
                            Arrays.copyOf(picture.condition().values(), 2 * model.conditionWidth()),
                            2,
                            model.conditionWidth());
        }

        float[] output(float[] x, double timestep, double weight) {
            Tensor sample = twice(Tensor.of(x, 1, model.inChannels(), model.inputSize(), model.inputSize()));
            float t = (float) timestep;
            float[] both = network.apply(new Network.Rows(sample, Tensor.of(new float[] {t, t}, 2), condition, hint))
                    .values();
            int half = both.length / 2;
            float[] out = Arrays.copyOf(both, half);
            guided.channels.combine(
                    out,
                    Arrays.copyOfRange(both, half, both.length),
                    new float[] {(float) weight},
                    new GuidedChannels.OutputChannels(model.inChannels(), model.outChannels()),
                    out);
            return Arrays.copyOf(out, x.length);
        }

        private static Tensor twice(Tensor row) {
            float[] values = Arrays.copyOf(row.values(), 2 * row.size());
            System.arraycopy(row.values(), 0, values, row.size(), row.size());
            return Tensor.of(values, row.shape().with(0, 2));
        }
    }
}

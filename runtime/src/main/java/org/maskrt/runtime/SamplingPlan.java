package org.maskrt.runtime;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Ddim;
import org.maskrt.models.diffusion.Ddpm;
import org.maskrt.models.diffusion.DpmSolverPlusPlus;
import org.maskrt.models.diffusion.GuidancePlan;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.diffusion.Sampler;
import org.maskrt.models.diffusion.Step;
import org.maskrt.models.diffusion.StepCoefficients;

/** Everything about a generation that is known before it starts: its steps, their guidance, and which graph runs each. */
final class SamplingPlan {
    /** Exactly skippable halves are worth a second graph in memory from this share of all rows on. */
    private static final double WORTHWHILE = 0.1;

    private final List<PlannedStep> steps;
    private final GuidedChannels channels;
    private final Network network;
    private final double reuse;

    /** Which graph gives the model's output. */
    enum Network {
        /** {@code guided_step} and {@code denoiser}. */
        DENOISER,
        /** {@code inpaint}, guidance and update on the host. */
        INPAINT
    }

    /**
     * One step.
     *
     * @param timestep that the model sees
     * @param alphaCumprod the share of the signal in the variance of the step's sample
     * @param linear the update, unless the variance is learned
     * @param learned the update, if the variance is learned
     * @param weight of the guidance
     * @param halves which halves of the doubled batch run
     */
    record PlannedStep(
            int timestep,
            double alphaCumprod,
            @Nullable Step linear,
            Ddpm.@Nullable Step learned,
            double weight,
            Halves halves) {
        boolean stochastic() {
            return linear != null ? linear.coefficients().stochastic() : learned != null && learned.stochastic();
        }

        /** Of the difference of the halves on the picture that the step predicts beyond that of the conditional half: (w - 1) sigma / alpha. */
        double effect() {
            return (weight - 1) * Math.sqrt((1 - alphaCumprod) / alphaCumprod);
        }

        PlannedStep with(Halves other) {
            return new PlannedStep(timestep, alphaCumprod, linear, learned, weight, other);
        }

        /** The update of a step without learned variance. */
        Step requireLinear() {
            if (linear == null) {
                throw new IllegalStateException("a step with learned variance runs on the host");
            }
            return linear;
        }

        /** Whether the step reads the model's output for the condition. */
        boolean conditional() {
            return halves != Halves.UNCONDITIONAL;
        }

        /** Whether the step reads the model's output for the null condition. */
        boolean unconditional() {
            return halves != Halves.CONDITIONAL;
        }

        /** Whether the step reads what the one before left in memory. */
        boolean remembers() {
            return linear != null && linear.coefficients().c() != 0;
        }
    }

    /** Which rows a step needs. */
    enum Halves {
        /** One run of {@code guided_step}. */
        FUSED,
        /** {@code denoiser} on either half, guidance and update on the host. */
        BOTH,
        CONDITIONAL,
        UNCONDITIONAL
    }

    private SamplingPlan(List<PlannedStep> steps, GuidedChannels channels, Network network, double reuse) {
        this.steps = steps;
        this.channels = channels;
        this.network = network;
        this.reuse = reuse;
    }

    /**
     * The plan.
     *
     * @param network which graph gives the model's output
     * @param fusedChannels on which the exported {@code guided_step} guides
     * @throws MaskRtException (USAGE) if the request does not fit the model
     */
    static SamplingPlan of(
            Denoiser model,
            NoiseSchedule schedule,
            Sampling sampling,
            GuidanceOptions guidance,
            Network network,
            GuidedChannels fusedChannels) {
        NoiseSchedule respaced = schedule.respace(sampling.steps());
        boolean learned = sampling.method() == Sampling.Method.DDPM;
        if (learned && model.outChannels() != 2 * model.inChannels()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "the sampler ddpm needs a learned variance, and this model's output has only the "
                            + model.outChannels() + " channels of the noise; use --sampler ddim");
        }
        List<Ddpm.Step> learnedSteps = learned ? Ddpm.plan(respaced) : List.of();
        List<Step> linearSteps = learned ? List.of() : sampler(sampling).plan(respaced);
        int count = respaced.steps();
        int[] timesteps = IntStream.range(0, count)
                .map(i -> learned
                        ? learnedSteps.get(i).timestep()
                        : linearSteps.get(i).timestep())
                .toArray();
        int guided = guidance.channels().count(model.inChannels());
        boolean conditionalAtZero = learned || guided < model.inChannels();
        GuidancePlan weights =
                GuidancePlan.of(guidance.guidance(), timesteps, guidance.skipTolerance(), conditionalAtZero);
        boolean sameChannels = fusedChannels.count(model.inChannels()) == guided;
        boolean fusible = !learned && sameChannels && network == Network.DENOISER && guidance.reuse() == 0;
        boolean skip = !fusible || guidance.skipTolerance() > 0 || saves(weights);
        List<PlannedStep> steps = IntStream.range(0, count)
                .mapToObj(i -> new PlannedStep(
                        timesteps[i],
                        schedule.alphaCumprod(timesteps[i]),
                        learned ? null : linearSteps.get(i),
                        learned ? learnedSteps.get(i) : null,
                        weights.weight(i),
                        halves(weights, i, fusible, skip)))
                .toList();
        return new SamplingPlan(steps, guidance.channels(), network, guidance.reuse());
    }

    private static boolean saves(GuidancePlan weights) {
        int all = 2 * weights.steps();
        return all - weights.rows() >= WORTHWHILE * all;
    }

    private static Halves halves(GuidancePlan weights, int i, boolean fusible, boolean skip) {
        if (skip && !weights.unconditional(i)) {
            return Halves.CONDITIONAL;
        }
        if (skip && !weights.conditional(i)) {
            return Halves.UNCONDITIONAL;
        }
        return fusible ? Halves.FUSED : Halves.BOTH;
    }

    private static Sampler sampler(Sampling sampling) {
        return sampling.method() == Sampling.Method.DDIM ? new Ddim(sampling.eta()) : new DpmSolverPlusPlus();
    }

    int size() {
        return steps.size();
    }

    PlannedStep step(int i) {
        return steps.get(i);
    }

    Stream<PlannedStep> stream() {
        return steps.stream();
    }

    /** Whether each step is one run of a graph that also does the update, so that all can run without the host. */
    boolean onDevice() {
        return network == Network.DENOISER && stream().allMatch(s -> s.linear() != null && s.halves() != Halves.BOTH);
    }

    /** This plan with both halves in every step, where a step on one half would need a second graph in memory. */
    SamplingPlan fused() {
        List<PlannedStep> both = stream().map(s -> s.with(Halves.FUSED)).toList();
        return new SamplingPlan(both, channels, network, reuse);
    }

    GuidedChannels channels() {
        return channels;
    }

    /** The tolerance of {@link org.maskrt.models.diffusion.DirectionReuse}; 0 where nothing is reused. */
    double reuse() {
        return reuse;
    }

    Network network() {
        return network;
    }

    /** The timesteps that the model sees. */
    float[] times() {
        float[] times = new float[size()];
        for (int i = 0; i < times.length; i++) {
            times[i] = step(i).timestep();
        }
        return times;
    }

    /** Whether a step runs as {@code halves} says. */
    boolean has(Halves halves) {
        return steps.stream().anyMatch(s -> s.halves() == halves);
    }

    /** How many steps run in one fused graph. */
    int fusedSteps() {
        return (int) steps.stream().filter(s -> s.halves() == Halves.FUSED).count();
    }

    /** Whether the step after {@code i} reads what {@code i} leaves in memory. */
    boolean remembered(int i) {
        return i + 1 < size() && steps.get(i + 1).remembers();
    }

    /** The scalars of a step as a row of the graph's {@code coefficients}. */
    static float[] row(StepCoefficients c) {
        return new float[] {(float) c.a(), (float) c.b(), (float) c.c(), (float) c.d()};
    }
}

package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.GuidedChannels.OutputChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.diffusion.Step;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.ModelPrograms;
import org.maskrt.models.weights.Weights;

/**
 * A sampling run as the published scripts do it: the plain model by an interpreter, on the doubled batch at every step, guidance and update on
 * the host. Slow; what a pipeline's {@link DiffusionPipeline#trajectory} is compared with where there are no graphs.
 */
public final class EagerTrajectory {
    private final Interpreter interpreter;
    private final Denoiser model;
    private final Weights weights;

    /** By {@code interpreter}, with the weights of {@code model}. */
    public EagerTrajectory(Interpreter interpreter, Denoiser model, Weights weights) {
        this.interpreter = interpreter;
        this.model = model;
        this.weights = weights;
    }

    /** The latents [n,C,H,W] after each step. */
    public List<float[]> run(Trajectory trajectory, NoiseSchedule schedule) {
        SamplingPlan plan = SamplingPlan.of(
                model,
                schedule,
                trajectory.sampling(),
                trajectory.guidance(),
                trajectory.guidance().channels());
        int size = trajectory.start().length;
        float[] x = trajectory.start().clone();
        float[] memory = new float[size];
        List<float[]> latents = new ArrayList<>();
        for (int i = 0; i < plan.size(); i++) {
            float[] noise = Arrays.copyOfRange(trajectory.stepNoise(), i * size, (i + 1) * size);
            float[] next = step(plan, i, new StepRunner.State(x, memory, noise), trajectory.labels());
            latents.add(next);
            x = next;
        }
        return latents;
    }

    private float[] step(SamplingPlan plan, int i, StepRunner.State state, List<Integer> labels) {
        SamplingPlan.PlannedStep step = plan.step(i);
        int n = labels.size();
        float[] output = guided(plan, step, state.sample(), labels);
        float[] next = new float[state.sample().length];
        if (step.learned() != null) {
            step.learned().apply(state.sample(), output, state.noise(), next, n);
            return next;
        }
        float[] eps = new float[next.length];
        for (int b = 0; b < n; b++) {
            System.arraycopy(output, b * (output.length / n), eps, b * (eps.length / n), eps.length / n);
        }
        Step update = step.requireLinear();
        update.coefficients().apply(state.sample(), eps, state.memory(), state.noise(), next);
        update.memory().apply(state.sample(), eps, state.memory());
        return next;
    }

    private float[] guided(SamplingPlan plan, SamplingPlan.PlannedStep step, float[] x, List<Integer> labels) {
        int n = labels.size();
        float[] doubled = Arrays.copyOf(x, 2 * x.length);
        System.arraycopy(x, 0, doubled, x.length, x.length);
        float[] times = new float[2 * n];
        Arrays.fill(times, step.timestep());
        long[] classes = new long[2 * n];
        for (int b = 0; b < n; b++) {
            classes[b] = labels.get(b);
            classes[n + b] = model.numClasses();
        }
        Tensor out = interpreter.run(
                ModelPrograms.forward(model),
                weights,
                List.of(
                        Tensor.of(doubled, 2 * n, model.inChannels(), model.inputSize(), model.inputSize()),
                        Tensor.of(times, 2 * n),
                        Tensor.ofIndices(classes, 2 * n)));
        float[] conditional = out.rows(0, n).values();
        float[] unconditional = out.rows(n, 2 * n).values();
        float[] weight = new float[n];
        Arrays.fill(weight, (float) step.weight());
        OutputChannels channels = new OutputChannels(model.inChannels(), model.outChannels());
        plan.channels().combine(conditional, unconditional, weight, channels, conditional);
        return conditional;
    }
}

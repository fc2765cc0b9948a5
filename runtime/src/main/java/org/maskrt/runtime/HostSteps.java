package org.maskrt.runtime;

import java.util.Arrays;
import java.util.Map;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.GuidedChannels.OutputChannels;
import org.maskrt.models.diffusion.Step;

/**
 * Steps by the graph {@code denoiser} on the halves that are needed, with guidance and update on the host: for a learned variance, for
 * guided channels other than those of the exported {@code guided_step}, and where half of the work can be skipped.
 */
final class HostSteps implements StepRunner {
    private final SamplingPlan plan;
    private final Modulations modulations;
    private final OutputChannels channels;
    private final int[] labels;
    private final int nullClass;
    private final DeviceTensor sample;
    private final DeviceTensor modulation;
    private final DeviceTensor out;
    private final Graph.Binding binding;
    private final float[] conditional;
    private final float[] unconditional;
    private final float[] eps;
    private final float[] weights;

    HostSteps(StepRunner.Setup setup, Graph graph, TensorPool.Lease tensors) {
        Denoiser model = setup.model();
        plan = setup.plan();
        modulations = setup.modulations();
        channels = new OutputChannels(model.inChannels(), model.outChannels());
        labels = setup.labels();
        nullClass = model.numClasses();
        int rows = labels.length;
        int side = model.inputSize();
        sample = tensors.floats(rows, model.inChannels(), side, side);
        modulation = tensors.floats(rows, model.modulationSize());
        out = tensors.floats(rows, model.outChannels(), side, side);
        binding = graph.bind(Map.of("sample", sample, "modulation", modulation), Map.of("out_sample", out));
        conditional = new float[out.shape().size()];
        unconditional = new float[out.shape().size()];
        eps = new float[sample.shape().size()];
        weights = new float[rows];
    }

    @Override
    public String graph() {
        return "denoiser";
    }

    @Override
    public void step(int i, State state) {
        SamplingPlan.PlannedStep step = plan.step(i);
        sample.write(state.sample());
        float[] output = output(i, step);
        if (step.learned() != null) {
            step.learned().apply(state.sample(), output, state.noise(), state.sample(), labels.length);
            return;
        }
        int image = eps.length / labels.length;
        int stride = output.length / labels.length;
        for (int b = 0; b < labels.length; b++) {
            System.arraycopy(output, b * stride, eps, b * image, image);
        }
        Step update = step.requireLinear();
        float[] before = plan.remembered(i) ? state.sample().clone() : state.sample();
        update.coefficients().apply(state.sample(), eps, state.memory(), state.noise(), state.sample());
        if (plan.remembered(i)) {
            update.memory().apply(before, eps, state.memory());
        }
    }

    private float[] output(int i, SamplingPlan.PlannedStep step) {
        if (step.halves() != SamplingPlan.Halves.UNCONDITIONAL) {
            modulations.copy(i, labels, modulation);
            binding.run();
            out.read(conditional);
        }
        if (step.halves() != SamplingPlan.Halves.CONDITIONAL) {
            modulations.copyAll(i, nullClass, labels.length, modulation);
            binding.run();
            out.read(unconditional);
        }
        return switch (step.halves()) {
            case CONDITIONAL -> conditional;
            case UNCONDITIONAL -> unconditional;
            case BOTH, FUSED -> {
                Arrays.fill(weights, (float) step.weight());
                plan.channels().combine(conditional, unconditional, weights, channels, conditional);
                yield conditional;
            }
        };
    }
}

package org.maskrt.runtime;

import java.util.Arrays;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.GuidedChannels.OutputChannels;
import org.maskrt.models.diffusion.Step;

/**
 * Steps by a graph that gives the model's output, on the halves that are needed, with guidance and update on the host: for a learned variance, for
 * guided channels other than those of the exported {@code guided_step}, where half of the work can be skipped, and for inpainting.
 */
final class HostSteps implements StepRunner {
    private final SamplingPlan plan;
    private final HalfPass pass;
    private final OutputChannels channels;
    private final float[] conditional;
    private final float[] unconditional;
    private final float[] eps;
    private final float[] weights;

    HostSteps(Denoiser model, SamplingPlan plan, int rows, HalfPass pass) {
        this.plan = plan;
        this.pass = pass;
        channels = new OutputChannels(model.inChannels(), model.outChannels());
        conditional = new float[pass.size()];
        unconditional = new float[pass.size()];
        eps = new float[pass.size() / model.outChannels() * model.inChannels()];
        weights = new float[rows];
    }

    @Override
    public String graph() {
        return pass.graph();
    }

    @Override
    public void step(int i, State state, boolean changed) {
        SamplingPlan.PlannedStep step = plan.step(i);
        pass.sample(state.sample());
        float[] output = output(i, step);
        if (step.learned() != null) {
            step.learned().apply(state.sample(), output, state.noise(), state.sample(), weights.length);
            return;
        }
        int image = eps.length / weights.length;
        int stride = output.length / weights.length;
        for (int b = 0; b < weights.length; b++) {
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
            pass.run(i, true, conditional);
        }
        if (step.halves() != SamplingPlan.Halves.CONDITIONAL) {
            pass.run(i, false, unconditional);
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

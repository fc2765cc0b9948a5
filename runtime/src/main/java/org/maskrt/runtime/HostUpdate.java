package org.maskrt.runtime;

import java.util.Arrays;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.GuidedChannels.OutputChannels;
import org.maskrt.models.diffusion.Step;

/** Guidance and update of a step on the host, from the model's outputs for the halves that the step needs. */
final class HostUpdate {
    private final SamplingPlan plan;
    private final int rows;
    private final OutputChannels channels;
    private final float[] eps;
    private final float[] weights;

    HostUpdate(Denoiser model, SamplingPlan plan, int rows) {
        this.plan = plan;
        this.rows = rows;
        channels = new OutputChannels(model.inChannels(), model.outChannels());
        eps = new float[rows * LatentSampler.size(model)];
        weights = new float[rows];
    }

    /** Step {@code i} from outputs [B,C',H,W], of which the conditional one is overwritten; an output that the step does not need may be anything. */
    void apply(int i, StepRunner.State state, float[] conditional, float[] unconditional) {
        SamplingPlan.PlannedStep step = plan.step(i);
        float[] output = output(step, conditional, unconditional);
        if (step.learned() != null) {
            step.learned().apply(state.sample(), output, state.noise(), state.sample(), rows);
            return;
        }
        int image = eps.length / rows;
        int stride = output.length / rows;
        for (int b = 0; b < rows; b++) {
            System.arraycopy(output, b * stride, eps, b * image, image);
        }
        Step update = step.requireLinear();
        float[] before = plan.remembered(i) ? state.sample().clone() : state.sample();
        update.coefficients().apply(state.sample(), eps, state.memory(), state.noise(), state.sample());
        if (plan.remembered(i)) {
            update.memory().apply(before, eps, state.memory());
        }
    }

    private float[] output(SamplingPlan.PlannedStep step, float[] conditional, float[] unconditional) {
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

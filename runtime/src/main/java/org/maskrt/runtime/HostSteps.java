package org.maskrt.runtime;

import org.maskrt.models.Denoiser;

/**
 * Steps by a graph that gives the model's output, on the halves that are needed, with guidance and update on the host: for a learned variance, for
 * guided channels other than those of the exported {@code guided_step}, where half of the work can be skipped or made up for, and for inpainting.
 */
final class HostSteps implements StepRunner {
    private final SamplingPlan plan;
    private final HalfPass pass;
    private final HalfRuns halves;
    private final HostUpdate update;
    private final float[] conditional;
    private final float[] unconditional;

    HostSteps(Denoiser model, SamplingPlan plan, int rows, HalfPass pass) {
        this.plan = plan;
        this.pass = pass;
        int plane = model.inputSize() * model.inputSize();
        halves = new HalfRuns(pass, rows, plan.reuse(), plan.channels().count(model.inChannels()) * plane);
        update = new HostUpdate(model, plan, rows);
        conditional = new float[pass.size()];
        unconditional = new float[pass.size()];
    }

    @Override
    public String graph() {
        return pass.graph();
    }

    @Override
    public int step(int i, State state, boolean changed) {
        SamplingPlan.PlannedStep step = plan.step(i);
        pass.sample(state.sample());
        int ran = halves.run(i, step.halves(), step.effect(), conditional, unconditional);
        update.apply(i, state, conditional, unconditional);
        return ran;
    }
}

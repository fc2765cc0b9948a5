package org.maskrt.runtime;

import org.maskrt.models.diffusion.Step;

/** Steps of a batch by {@link GuidedStep}. */
final class FusedSteps implements StepRunner {
    private final SamplingPlan plan;
    private final Modulations modulations;
    private final int rows;
    private final GuidedStep guided;
    private final float[] eps;
    private int resident = -1;

    FusedSteps(StepRunner.Setup setup, Graph graph, TensorPool.Lease tensors) {
        plan = setup.plan();
        modulations = setup.modulations();
        rows = setup.batch().size();
        guided = new GuidedStep(setup.model(), graph, rows, tensors);
        for (int row = 0; row < rows && guided.hint != null; row++) {
            setup.batch().writeHint(row, guided.hint, row);
        }
        eps = new float[guided.eps.shape().size()];
    }

    @Override
    public String graph() {
        return "guided_step";
    }

    @Override
    public int step(int i, State state, boolean changed) {
        SamplingPlan.PlannedStep step = plan.step(i);
        Step update = step.requireLinear();
        if (changed || resident != i) {
            guided.sample().write(state.sample());
        }
        if (resident != i || step.stochastic()) {
            guided.noise.write(state.noise());
        }
        if (resident != i || step.remembers()) {
            guided.memory.write(state.memory());
        }
        modulations.copy(i, true, guided.modulation);
        modulations.copy(i, false, guided.modulationUncond);
        for (int b = 0; b < rows; b++) {
            guided.plan(b, step, modulations.timestep(i));
        }
        guided.run();
        if (plan.remembered(i)) {
            guided.eps.read(eps);
            update.memory().apply(state.sample(), eps, state.memory());
        }
        guided.sample().read(state.sample());
        resident = i + 1;
        return 2 * rows;
    }
}

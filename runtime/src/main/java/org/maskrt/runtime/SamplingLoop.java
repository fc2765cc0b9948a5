package org.maskrt.runtime;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.mdt.MdtDenoiser;

/** The sampler's loop over one batch, with every tensor of it taken once. */
final class SamplingLoop {
    /** The noise of a step. */
    @FunctionalInterface
    interface StepNoise {
        /** Fills {@code into} [B,C,H,W]; called in the order of the steps, where they need it. */
        void draw(int step, float[] into);
    }

    /** Hears what happens, and may throw to end it. */
    interface Watch {
        /** The conditioner has run for the first {@code steps} steps. */
        void conditioned(int steps);

        /** The model has run {@code rows} rows, of either half. */
        default void ran(int rows) {}

        /** After step {@code i}; {@code sample} [B,C,H,W] is reused, and anything unless {@link #looks}. */
        void stepped(int i, float[] sample);

        /** Whether someone looks at the samples between the steps, which a device would otherwise keep to itself. */
        default boolean looks() {
            return true;
        }

        /** Whether {@link #stepped} may change the sample, which the next step then takes. */
        default boolean changes() {
            return false;
        }

        /** Looks at each step and hears nothing. */
        Watch EVERY_STEP = new Watch() {
            @Override
            public void conditioned(int steps) {}

            @Override
            public void stepped(int i, float[] sample) {}
        };
    }

    private final Graphs graphs;
    private final SamplingPlan plan;
    private final Batch batch;
    private final @Nullable Modulations modulations;
    private final @Nullable StepRunner fused;
    private final @Nullable StepRunner onHost;

    /** For the rows of {@code batch}; loads the graphs that the plan needs. */
    SamplingLoop(Denoiser model, Graphs graphs, SamplingPlan plan, Batch batch, TensorPool.Lease tensors) {
        this.graphs = graphs;
        this.plan = plan;
        this.batch = batch;
        if (plan.network() == SamplingPlan.Network.INPAINT && model instanceof MdtDenoiser mdt) {
            modulations = null;
            fused = null;
            Graph graph = graphs.get(GraphSignature.inpaint(mdt));
            onHost = new HostSteps(model, plan, batch.size(), HalfPass.inpaint(mdt, plan, batch, graph, tensors));
            return;
        }
        modulations = new Modulations(
                tensors, graphs.get(GraphSignature.conditioner(model)), plan.times(), batch.conditions());
        fused = plan.fusedSteps() == 0
                ? null
                : new FusedSteps(
                        new StepRunner.Setup(model, plan, modulations, batch),
                        graphs.get(GraphSignature.guidedStep(model)),
                        tensors);
        onHost = plan.fusedSteps() == plan.size()
                ? null
                : new HostSteps(
                        model,
                        plan,
                        batch.size(),
                        HalfPass.denoiser(
                                model, batch, graphs.get(GraphSignature.denoiser(model)), modulations, tensors));
    }

    /**
     * All steps of the plan.
     *
     * @param sample [B,C,H,W] the noise that sampling starts from; replaced by the result
     * @throws MaskRtException (NOT_FINITE) after the first step whose result is not finite
     */
    void run(float[] sample, StepNoise noise, Watch watch) {
        StepRunner.State state = new StepRunner.State(sample, new float[sample.length], new float[sample.length]);
        Known known = batch.known();
        float[] start = known == null ? sample : sample.clone();
        int conditioned = 0;
        for (int i = 0; i < plan.size(); i++) {
            int prepared = modulations == null ? plan.size() : modulations.prepare(i);
            if (prepared > conditioned) {
                conditioned = prepared;
                watch.conditioned(conditioned);
            }
            if (plan.step(i).stochastic()) {
                noise.draw(i, state.noise());
            }
            if (known != null) {
                double signal = plan.step(i).alphaCumprod();
                known.renew(sample, start, Math.sqrt(signal), Math.sqrt(1 - signal));
            }
            StepRunner runner = runner(i);
            watch.ran(runner.step(i, state, known != null || watch.changes()));
            requireFinite(sample, i, runner);
            watch.stepped(i, sample);
        }
        if (known != null) {
            known.renew(sample, start, 1, 0);
        }
    }

    private StepRunner runner(int i) {
        StepRunner runner = plan.step(i).halves() == SamplingPlan.Halves.FUSED ? fused : onHost;
        if (runner == null) {
            throw new IllegalStateException("step " + i + " has no graph");
        }
        return runner;
    }

    private void requireFinite(float[] sample, int i, StepRunner runner) {
        if (!finite(sample)) {
            throw notFinite(graphs.folder(runner.graph()), plan, i);
        }
    }

    static boolean finite(float[] sample) {
        float sum = 0;
        for (float v : sample) {
            // 0 * v is NaN for NaN and infinity, and 0 otherwise
            sum += 0 * v;
        }
        return !Float.isNaN(sum);
    }

    /** After step {@code i} of a plan, which ran in {@code graph}. */
    static MaskRtException notFinite(Path graph, SamplingPlan plan, int i) {
        return new MaskRtException(
                ExitCode.NOT_FINITE,
                graph + ": the latents are not finite after step " + (i + 1) + " of " + plan.size() + " (timestep "
                        + plan.step(i).timestep()
                        + "); the weights hold NaN or overflow, check them with `maskrt inspect`");
    }
}

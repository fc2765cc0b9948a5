package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;

/** {@link GuidedStep} for rows each of another request and at another step. A row that stays in its place finds its sample where the step before left it. */
final class FusedBatch {
    private final GuidedStep guided;
    private final int latent;
    private final float[] next;
    private final float[] eps;
    /** Whose sample lies in each place, and before which step. */
    private final @Nullable BatchRow[] residents;

    private final int[] reached;

    FusedBatch(Denoiser model, Graph graph, int rows, TensorPool.Lease tensors) {
        guided = new GuidedStep(model, graph, rows, tensors);
        latent = LatentSampler.size(model);
        next = new float[latent];
        eps = new float[latent];
        residents = new BatchRow[rows];
        reached = new int[rows];
    }

    /**
     * A step of each row; the last fills the places that are left.
     *
     * @return the rows whose result is not finite, which have not moved
     */
    List<BatchRow> run(List<BatchRow> rows) {
        for (int slot = 0; slot < residents.length; slot++) {
            write(rows.get(Math.min(slot, rows.size() - 1)), slot);
        }
        guided.run();
        List<BatchRow> stuck = new ArrayList<>();
        for (int slot = 0; slot < residents.length; slot++) {
            BatchRow row = rows.get(Math.min(slot, rows.size() - 1));
            if (slot < rows.size()) {
                guided.sample().read(slot * latent, next, 0, latent);
                guided.eps.read(slot * latent, eps, 0, latent);
                if (SamplingLoop.finite(next)) {
                    row.advance(next, eps);
                } else {
                    stuck.add(row);
                }
            }
            residents[slot] = stuck.contains(row) ? null : row;
            reached[slot] = row.step();
        }
        return stuck;
    }

    private void write(BatchRow row, int slot) {
        SamplingPlan.PlannedStep step = row.planned();
        StepRunner.State state = row.state();
        boolean joins = residents[slot] != row || reached[slot] != row.step();
        if (joins) {
            guided.sample().write(slot * latent, state.sample(), 0, latent);
            if (guided.hint != null) {
                row.writeHint(guided.hint, slot);
            }
        }
        // what the row does not read must be finite too: it is multiplied with 0
        if (joins || step.remembers()) {
            guided.memory.write(slot * latent, state.memory(), 0, latent);
        }
        if (joins || step.stochastic()) {
            guided.noise.write(slot * latent, state.noise(), 0, latent);
        }
        row.modulate(true, guided.modulation, slot);
        row.modulate(false, guided.modulationUncond, slot);
        guided.plan(slot, step, row.timestep());
    }
}

package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;

/**
 * The graph {@code guided_step} bound to tensors of a number of rows, each of another request and at another step. A row that stays in its place
 * finds its sample where the step before left it.
 */
final class FusedBatch {
    private final int latent;
    private final Map<String, DeviceTensor> inputs = new HashMap<>();
    private final DeviceTensor[] samples;
    private final Graph.Binding[] bindings;
    private final DeviceTensor modulation;
    private final DeviceTensor modulationUncond;
    private final DeviceTensor guidance;
    private final DeviceTensor coefficients;
    private final DeviceTensor memory;
    private final DeviceTensor noise;
    private final DeviceTensor eps;
    private final float[] next;
    private final float[] epsOnHost;
    private final float[] weight = new float[1];
    /** Whose sample lies in each place, and before which step. */
    private final @Nullable BatchRow[] residents;

    private final int[] reached;
    private int current;

    FusedBatch(Denoiser model, Graph graph, int rows, TensorPool.Lease tensors) {
        int side = model.inputSize();
        latent = LatentSampler.size(model);
        int[] shape = {rows, model.inChannels(), side, side};
        samples = new DeviceTensor[] {tensors.floats(shape), tensors.floats(shape)};
        modulation = tensors.floats(rows, model.modulationSize());
        modulationUncond = tensors.floats(rows, model.modulationSize());
        guidance = tensors.floats(rows);
        coefficients = tensors.floats(rows, 4);
        memory = tensors.floats(shape);
        noise = tensors.floats(shape);
        eps = tensors.floats(shape);
        inputs.putAll(Map.of(
                "modulation", modulation,
                "modulation_uncond", modulationUncond,
                "guidance", guidance,
                "coefficients", coefficients,
                "eps_prev", memory,
                "noise", noise));
        if (graph.signature().takes("timestep")) {
            inputs.put("timestep", tensors.floats(rows));
        }
        if (model.hintChannels() > 0) {
            inputs.put("hint", tensors.floats(rows, model.hintChannels(), side, side));
        }
        next = new float[latent];
        epsOnHost = new float[latent];
        residents = new BatchRow[rows];
        reached = new int[rows];
        bindings = new Graph.Binding[] {bind(graph, samples[0], samples[1]), bind(graph, samples[1], samples[0])};
    }

    private Graph.Binding bind(Graph graph, DeviceTensor sample, DeviceTensor following) {
        Map<String, DeviceTensor> all = new HashMap<>(inputs);
        all.put("sample", sample);
        return graph.bind(all, Map.of("next_sample", following, "eps", eps));
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
        bindings[current].run();
        current = 1 - current;
        List<BatchRow> stuck = new ArrayList<>();
        for (int slot = 0; slot < residents.length; slot++) {
            BatchRow row = rows.get(Math.min(slot, rows.size() - 1));
            if (slot < rows.size()) {
                samples[current].read(slot * latent, next, 0, latent);
                eps.read(slot * latent, epsOnHost, 0, latent);
                if (SamplingLoop.finite(next)) {
                    row.advance(next, epsOnHost);
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
            samples[current].write(slot * latent, state.sample(), 0, latent);
            DeviceTensor hint = inputs.get("hint");
            if (hint != null) {
                row.writeHint(hint, slot);
            }
        }
        // what the row does not read must be finite too: it is multiplied with 0
        if (joins || step.remembers()) {
            memory.write(slot * latent, state.memory(), 0, latent);
        }
        if (joins || step.stochastic()) {
            noise.write(slot * latent, state.noise(), 0, latent);
        }
        row.modulate(true, modulation, slot);
        row.modulate(false, modulationUncond, slot);
        DeviceTensor timestep = inputs.get("timestep");
        if (timestep != null) {
            row.writeTimestep(timestep, slot);
        }
        weight[0] = (float) step.weight();
        guidance.write(slot, weight, 0, 1);
        float[] factors = SamplingPlan.row(step.requireLinear().coefficients());
        coefficients.write(slot * factors.length, factors, 0, factors.length);
    }
}

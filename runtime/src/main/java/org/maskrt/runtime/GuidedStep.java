package org.maskrt.runtime;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;

/**
 * The graph {@code guided_step} bound to tensors of a number of rows: both halves, guidance and update in one run. The latents stay where the backend
 * computes; two tensors take turns as sample and next sample.
 */
final class GuidedStep {
    private static final int COEFFICIENTS = 4;

    final DeviceTensor modulation;
    final DeviceTensor modulationUncond;
    final DeviceTensor memory;
    final DeviceTensor noise;
    final DeviceTensor eps;
    /** Of models that have one. */
    final @Nullable DeviceTensor hint;

    private final DeviceTensor[] samples;
    private final Graph.Binding[] bindings;
    private final DeviceTensor guidance;
    private final DeviceTensor coefficients;
    private final @Nullable DeviceTensor timestep;
    private final float[] number = new float[1];
    private int current;

    GuidedStep(Denoiser model, Graph graph, int rows, TensorPool.Lease tensors) {
        int side = model.inputSize();
        int[] latent = {rows, model.inChannels(), side, side};
        samples = new DeviceTensor[] {tensors.floats(latent), tensors.floats(latent)};
        modulation = tensors.floats(rows, model.modulationSize());
        modulationUncond = tensors.floats(rows, model.modulationSize());
        guidance = tensors.floats(rows);
        coefficients = tensors.floats(rows, COEFFICIENTS);
        memory = tensors.floats(latent);
        noise = tensors.floats(latent);
        eps = tensors.floats(latent);
        hint = model.hintChannels() > 0 ? tensors.floats(rows, model.hintChannels(), side, side) : null;
        timestep = graph.signature().takes("timestep") ? tensors.floats(rows) : null;
        bindings = new Graph.Binding[] {bind(graph, samples[0], samples[1]), bind(graph, samples[1], samples[0])};
    }

    private Graph.Binding bind(Graph graph, DeviceTensor sample, DeviceTensor next) {
        Map<String, DeviceTensor> inputs = new HashMap<>(Map.of(
                "sample", sample,
                "modulation", modulation,
                "modulation_uncond", modulationUncond,
                "guidance", guidance,
                "coefficients", coefficients,
                "eps_prev", memory,
                "noise", noise));
        if (hint != null) {
            inputs.put("hint", hint);
        }
        if (timestep != null) {
            inputs.put("timestep", timestep);
        }
        return graph.bind(inputs, Map.of("next_sample", next, "eps", eps));
    }

    /** What the next run starts from; after a run, what it gave. */
    DeviceTensor sample() {
        return samples[current];
    }

    /**
     * The numbers of a row's next step.
     *
     * @param time that the model is told
     */
    void plan(int row, SamplingPlan.PlannedStep step, float time) {
        if (timestep != null) {
            write(timestep, row, time);
        }
        write(guidance, row, (float) step.weight());
        coefficients.write(
                row * COEFFICIENTS, SamplingPlan.row(step.requireLinear().coefficients()), 0, COEFFICIENTS);
    }

    private void write(DeviceTensor target, int row, float value) {
        number[0] = value;
        target.write(row, number, 0, 1);
    }

    void run() {
        bindings[current].run();
        current = 1 - current;
    }
}

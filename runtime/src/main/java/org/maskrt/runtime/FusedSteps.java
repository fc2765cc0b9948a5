package org.maskrt.runtime;

import java.util.HashMap;
import java.util.Map;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.Step;

/**
 * Steps by the graph {@code guided_step}: both halves, guidance and update in one run. The latents stay where the backend computes; two
 * tensors take turns as sample and next sample.
 */
final class FusedSteps implements StepRunner {
    private final SamplingPlan plan;
    private final Modulations modulations;
    private final Map<String, DeviceTensor> inputs = new HashMap<>();
    private final int rows;
    private final DeviceTensor[] samples;
    private final Graph.Binding[] bindings;
    private final DeviceTensor modulation;
    private final DeviceTensor modulationUncond;
    private final DeviceTensor guidance;
    private final DeviceTensor coefficients;
    private final DeviceTensor memory;
    private final DeviceTensor noise;
    private final DeviceTensor eps;
    private final float[] epsOnHost;
    private int current;
    private int resident = -1;

    FusedSteps(StepRunner.Setup setup, Graph graph, TensorPool.Lease tensors) {
        Denoiser model = setup.model();
        plan = setup.plan();
        modulations = setup.modulations();
        rows = setup.batch().size();
        int[] latent = {rows, model.inChannels(), model.inputSize(), model.inputSize()};
        samples = new DeviceTensor[] {tensors.floats(latent), tensors.floats(latent)};
        modulation = tensors.floats(rows, model.modulationSize());
        modulationUncond = tensors.floats(rows, model.modulationSize());
        guidance = tensors.floats(rows);
        coefficients = tensors.floats(rows, 4);
        memory = tensors.floats(latent);
        noise = tensors.floats(latent);
        eps = tensors.floats(latent);
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
        setup.batch().bindHint(model, tensors, inputs);
        epsOnHost = new float[eps.shape().size()];
        bindings = new Graph.Binding[] {bind(graph, samples[0], samples[1]), bind(graph, samples[1], samples[0])};
    }

    private Graph.Binding bind(Graph graph, DeviceTensor sample, DeviceTensor next) {
        Map<String, DeviceTensor> all = new HashMap<>(inputs);
        all.put("sample", sample);
        return graph.bind(all, Map.of("next_sample", next, "eps", eps));
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
            samples[current].write(state.sample());
        }
        if (resident != i) {
            memory.write(state.memory());
            noise.write(state.noise());
        }
        modulations.copy(i, true, modulation);
        modulations.copy(i, false, modulationUncond);
        float[] row = SamplingPlan.row(update.coefficients());
        DeviceTensor timestep = inputs.get("timestep");
        for (int b = 0; b < rows; b++) {
            if (timestep != null) {
                timestep.write(b, new float[] {modulations.timestep(i)}, 0, 1);
            }
            guidance.write(b, new float[] {(float) step.weight()}, 0, 1);
            coefficients.write(b * row.length, row, 0, row.length);
        }
        if (step.stochastic()) {
            noise.write(state.noise());
        }
        if (step.remembers()) {
            memory.write(state.memory());
        }
        bindings[current].run();
        if (plan.remembered(i)) {
            eps.read(epsOnHost);
            update.memory().apply(state.sample(), epsOnHost, state.memory());
        }
        current = 1 - current;
        samples[current].read(state.sample());
        resident = i + 1;
        return 2 * rows;
    }
}

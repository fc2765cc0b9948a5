package org.maskrt.runtime;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.maskrt.models.Denoiser;

/** The model's output for one half of the doubled batch: with the condition of each row, or with the null condition. */
abstract class HalfPass {
    private final DeviceTensor sample;
    private final DeviceTensor out;
    private final Graph.Binding binding;

    private HalfPass(
            Denoiser model, Batch batch, Graph graph, Map<String, DeviceTensor> conditions, TensorPool.Lease tensors) {
        int rows = batch.size();
        int side = model.inputSize();
        sample = tensors.floats(rows, model.inChannels(), side, side);
        out = tensors.floats(rows, model.outChannels(), side, side);
        Map<String, DeviceTensor> inputs = new HashMap<>(conditions);
        inputs.put("sample", sample);
        batch.bindHint(model, tensors, inputs);
        binding = graph.bind(inputs, Map.of("out_sample", out));
    }

    /** Elements of the output [B,C',H,W]. */
    final int size() {
        return out.shape().size();
    }

    /** The sample [B,C,H,W] of the runs that follow. */
    final void sample(float[] values) {
        sample.write(values);
    }

    /** The output for step {@code i}. */
    final void run(int i, boolean conditional, float[] into) {
        prepare(i, conditional);
        binding.run();
        out.read(into);
    }

    /** The graph that runs. */
    abstract String graph();

    abstract void prepare(int i, boolean conditional);

    /** By the graph {@code denoiser}, on modulations that are computed before. */
    static HalfPass denoiser(
            Denoiser model, Batch batch, Graph graph, Modulations modulations, TensorPool.Lease tensors) {
        DeviceTensor modulation = tensors.floats(batch.size(), model.modulationSize());
        return new HalfPass(model, batch, graph, Map.of("modulation", modulation), tensors) {
            @Override
            String graph() {
                return "denoiser";
            }

            @Override
            void prepare(int i, boolean conditional) {
                modulations.copy(i, conditional, modulation);
            }
        };
    }

    /** By the graph {@code inpaint}, hiding the tokens that the batch's known part hides. */
    static HalfPass inpaint(Denoiser model, SamplingPlan plan, Batch batch, Graph graph, TensorPool.Lease tensors) {
        Conditions conditions = batch.conditions();
        float[] hidden = batch.hidden();
        DeviceTensor timestep = tensors.floats(batch.size());
        DeviceTensor condition = conditions.rowTensor(tensors);
        DeviceTensor tokens = tensors.floats(batch.size(), hidden.length / batch.size(), 1);
        tokens.write(hidden);
        float[] times = new float[batch.size()];
        Map<String, DeviceTensor> inputs =
                Map.of("timestep", timestep, conditions.input(), condition, "hidden", tokens);
        return new HalfPass(model, batch, graph, inputs, tensors) {
            @Override
            String graph() {
                return "inpaint";
            }

            @Override
            void prepare(int i, boolean conditional) {
                Arrays.fill(times, plan.step(i).timestep());
                timestep.write(times);
                conditions.writeRows(condition, conditional);
            }
        };
    }
}

package org.maskrt.runtime;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.models.Denoiser;

/** The model's output for one half of the doubled batch: with the condition of each row, or with the null condition. */
abstract class HalfPass {
    private final DeviceTensor sample;
    private final DeviceTensor out;
    private final Graph.Binding binding;
    private final int rows;
    private float[] samples = new float[0];

    private HalfPass(
            Denoiser model, Batch batch, Graph graph, Map<String, DeviceTensor> conditions, TensorPool.Lease tensors) {
        rows = batch.size();
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

    /** The sample [B,C,H,W] of the runs that follow, which must not change meanwhile. */
    final void sample(float[] values) {
        samples = values;
        sample.write(values);
    }

    /** The output for step {@code i}. */
    final void run(int i, boolean conditional, float[] into) {
        prepare(i, conditional);
        binding.run();
        out.read(into);
    }

    /**
     * The output for step {@code i} and the null condition in the places of {@code wanted}, rows in order; the others' places may hold anything then.
     *
     * @return how many rows ran
     */
    final int runUnconditional(int i, List<Integer> wanted, float[] into) {
        if (wanted.isEmpty()) {
            return 0;
        }
        int ran = wanted.size() == rows ? 0 : runSome(i, wanted, samples, into);
        if (ran > 0) {
            return ran;
        }
        run(i, false, into);
        return rows;
    }

    /** As {@link #runUnconditional}; 0 if the graph runs all rows or none. */
    int runSome(int i, List<Integer> wanted, float[] samples, float[] into) {
        return 0;
    }

    /** The graph that runs. */
    abstract String graph();

    abstract void prepare(int i, boolean conditional);

    /** By the graph {@code denoiser}, on modulations that are computed before. */
    static HalfPass denoiser(
            Denoiser model, Batch batch, Graph graph, Modulations modulations, TensorPool.Lease tensors) {
        DeviceTensor modulation = tensors.floats(batch.size(), model.modulationSize());
        float[] times = new float[batch.size()];
        Map<String, DeviceTensor> inputs = new HashMap<>(Map.of("modulation", modulation));
        if (graph.signature().takes("timestep")) {
            inputs.put("timestep", tensors.floats(times.length));
        }
        DeviceTensor timestep = inputs.get("timestep");
        Map<Integer, HalfBatch> some = new HashMap<>();
        return new HalfPass(model, batch, graph, inputs, tensors) {
            @Override
            String graph() {
                return "denoiser";
            }

            @Override
            int runSome(int i, List<Integer> wanted, float[] samples, float[] into) {
                if (LatentSampler.fixedBatch(graph) > 0) {
                    return 0;
                }
                int size = RunningBatch.size(wanted.size(), batch.size());
                some.computeIfAbsent(size, n -> new HalfBatch(model, graph, n, tensors))
                        .run(wanted.stream()
                                .map(row -> unconditional(batch, modulations, i, row, samples, into))
                                .toList());
                return size;
            }

            @Override
            void prepare(int i, boolean conditional) {
                modulations.copy(i, conditional, modulation);
                if (timestep != null) {
                    Arrays.fill(times, modulations.timestep(i));
                    timestep.write(times);
                }
            }
        };
    }

    private static HalfBatch.Half unconditional(
            Batch batch, Modulations modulations, int i, int row, float[] samples, float[] into) {
        int latent = samples.length / batch.size();
        int output = into.length / batch.size();
        return new HalfBatch.Half() {
            @Override
            public void write(HalfBatch.Inputs inputs, int slot) {
                inputs.sample().write(slot * latent, samples, row * latent, latent);
                modulations.copy(i, batch.conditions().nullColumn(), inputs.modulation(), slot);
                if (inputs.timestep() != null) {
                    inputs.timestep().write(slot, new float[] {modulations.timestep(i)}, 0, 1);
                }
                if (inputs.hint() != null) {
                    batch.writeHint(row, inputs.hint(), slot);
                }
            }

            @Override
            public void read(DeviceTensor out, int slot) {
                out.read(slot * output, into, row * output, output);
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

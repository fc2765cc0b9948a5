package org.maskrt.runtime;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;

/** The graph {@code denoiser} bound to tensors of a number of halves of guided rows, which may be of different requests and at different steps. */
final class HalfBatch {
    /** One half of the doubled row. */
    interface Half {
        /** Its inputs to place {@code slot} of the graph's. */
        void write(Inputs inputs, int slot);

        /** Its output from place {@code slot} of {@code out} [B,C',H,W]. */
        void read(DeviceTensor out, int slot);
    }

    /**
     * What the graph reads.
     *
     * @param sample [B,C,H,W]
     * @param modulation [B,K]
     * @param hint [B,C",H,W] of models that have one
     * @param timestep [B] of graphs that take it
     */
    record Inputs(
            DeviceTensor sample,
            DeviceTensor modulation,
            @Nullable DeviceTensor hint,
            @Nullable DeviceTensor timestep) {}

    private final int rows;
    private final Inputs inputs;
    private final DeviceTensor out;
    private final Graph.Binding binding;

    HalfBatch(Denoiser model, Graph graph, int rows, TensorPool.Lease tensors) {
        this.rows = rows;
        int side = model.inputSize();
        DeviceTensor sample = tensors.floats(rows, model.inChannels(), side, side);
        DeviceTensor modulation = tensors.floats(rows, model.modulationSize());
        DeviceTensor hint = model.hintChannels() > 0 ? tensors.floats(rows, model.hintChannels(), side, side) : null;
        DeviceTensor timestep = graph.signature().takes("timestep") ? tensors.floats(rows) : null;
        inputs = new Inputs(sample, modulation, hint, timestep);
        out = tensors.floats(rows, model.outChannels(), side, side);
        Map<String, DeviceTensor> bound = new HashMap<>(Map.of("sample", sample, "modulation", modulation));
        if (hint != null) {
            bound.put("hint", hint);
        }
        if (timestep != null) {
            bound.put("timestep", timestep);
        }
        binding = graph.bind(bound, Map.of("out_sample", out));
    }

    /** The model's output for each half, which reads it; the last fills the places that are left. */
    void run(List<? extends Half> halves) {
        for (int slot = 0; slot < rows; slot++) {
            halves.get(Math.min(slot, halves.size() - 1)).write(inputs, slot);
        }
        binding.run();
        for (int slot = 0; slot < halves.size(); slot++) {
            halves.get(slot).read(out, slot);
        }
    }
}

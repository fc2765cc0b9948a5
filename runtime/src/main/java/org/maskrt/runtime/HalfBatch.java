package org.maskrt.runtime;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;

/** The graph {@code denoiser} bound to tensors of a number of halves of guided rows, each of another request and at another step. */
final class HalfBatch {
    /** One half of the doubled row. */
    record Half(BatchRow row, boolean conditional) {}

    private final int rows;
    private final int latent;
    private final DeviceTensor sample;
    private final @Nullable DeviceTensor hint;
    private final DeviceTensor modulation;
    private final DeviceTensor out;
    private final Graph.Binding binding;

    HalfBatch(Denoiser model, Graph graph, int rows, TensorPool.Lease tensors) {
        this.rows = rows;
        int side = model.inputSize();
        latent = LatentSampler.size(model);
        sample = tensors.floats(rows, model.inChannels(), side, side);
        modulation = tensors.floats(rows, model.modulationSize());
        out = tensors.floats(rows, model.outChannels(), side, side);
        Map<String, DeviceTensor> inputs = new HashMap<>(Map.of("sample", sample, "modulation", modulation));
        hint = model.hintChannels() > 0 ? tensors.floats(rows, model.hintChannels(), side, side) : null;
        if (hint != null) {
            inputs.put("hint", hint);
        }
        binding = graph.bind(inputs, Map.of("out_sample", out));
    }

    /** The model's output for each half, to its row; the last fills the places that are left. */
    void run(List<Half> halves) {
        for (int slot = 0; slot < rows; slot++) {
            Half half = halves.get(Math.min(slot, halves.size() - 1));
            sample.write(slot * latent, half.row().state().sample(), 0, latent);
            half.row().modulate(half.conditional(), modulation, slot);
            if (hint != null) {
                half.row().writeHint(hint, slot);
            }
        }
        binding.run();
        for (int slot = 0; slot < halves.size(); slot++) {
            Half half = halves.get(slot);
            float[] into = half.row().outputs().of(half.conditional());
            out.read(slot * into.length, into, 0, into.length);
        }
    }
}

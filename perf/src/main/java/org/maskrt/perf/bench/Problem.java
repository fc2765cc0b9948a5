package org.maskrt.perf.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import org.maskrt.models.ops.Tensor;

/**
 * The inputs of a run.
 *
 * @param batch samples
 * @param inputs of the graph, by name
 * @param origins what modulations were computed from: {@code timestep} [B], and {@code class_labels} [B] or {@code condition} [B,W]; empty for graphs
 *     without modulations
 * @param output that contenders are compared by
 */
record Problem(int batch, Map<String, Tensor> inputs, Map<String, Tensor> origins, String output) {
    /** Inputs and what they were computed from. */
    Map<String, Tensor> all() {
        Map<String, Tensor> all = new LinkedHashMap<>(inputs);
        all.putAll(origins);
        return all;
    }
}

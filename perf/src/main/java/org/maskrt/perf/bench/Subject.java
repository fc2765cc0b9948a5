package org.maskrt.perf.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;
import org.maskrt.runtime.GraphSignature;

/** A graph that is measured, its file's signature, and its weights. */
public record Subject(ModelGraph graph, GraphSignature signature, Weights weights) {
    /** Random inputs by name. */
    Map<String, Tensor> inputs(int batch, int steps, Random random) {
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        graph.inputs().forEach(port -> inputs.put(port.name(), port.random(random, batch, steps)));
        return inputs;
    }

    /** The shapes of the outputs that the file gives. */
    Map<String, Shape> outputs(Map<String, Tensor> inputs) {
        CostOps ops = new CostOps();
        Map<String, Shape> in = new LinkedHashMap<>();
        inputs.forEach((name, value) -> in.put(name, value.shape()));
        return graph.build(ops, ops.params(), in);
    }
}

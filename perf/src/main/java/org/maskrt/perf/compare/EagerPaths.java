package org.maskrt.perf.compare;

import java.util.LinkedHashMap;
import java.util.Map;
import org.maskrt.models.ops.Tensor;
import org.maskrt.perf.bench.Source;
import org.maskrt.trainer.NdOps;

/** Layers of a model that runs operation by operation. */
final class EagerPaths implements PathOutputs {
    private final EagerGraphs graphs;

    EagerPaths(Source source) {
        this.graphs = new EagerGraphs(source);
    }

    @Override
    public boolean has(String graph) {
        return true;
    }

    @Override
    public Map<String, float[]> run(String graph, Map<String, Tensor> inputs) {
        Map<String, float[]> seen = new LinkedHashMap<>();
        Map<String, Tensor> outputs = graphs.run(
                graphs.subject(graph),
                inputs,
                (path, x) -> seen.putIfAbsent(path, NdOps.tensor(x).values()));
        outputs.forEach((name, value) -> seen.put(name, value.values()));
        return seen;
    }

    @Override
    public void close() {
        graphs.close();
    }
}

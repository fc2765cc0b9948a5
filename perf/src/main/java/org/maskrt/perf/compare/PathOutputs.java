package org.maskrt.perf.compare;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/** A variant whose layers can be looked at. */
interface PathOutputs extends AutoCloseable {
    /** Whether it has a graph of this name. */
    boolean has(String graph);

    /** What each layer of a graph computes, by its path, and the outputs of the graph under their names. */
    Map<String, float[]> run(String graph, Map<String, Tensor> inputs);

    @Override
    void close();

    /** The paths of a graph's layers in the order in which they run, then its outputs. */
    static List<String> of(ModelGraph graph) {
        CostOps costs = new CostOps();
        Set<String> paths = new LinkedHashSet<>();
        TapOps<Shape> ops = new TapOps<>(costs, (path, x) -> paths.add(path));
        Map<String, Shape> in = new LinkedHashMap<>();
        graph.inputs().forEach(port -> in.put(port.name(), port.shape(1, 1)));
        paths.addAll(graph.build(ops, ops.params(costs.params()), in).keySet());
        return List.copyOf(paths);
    }
}

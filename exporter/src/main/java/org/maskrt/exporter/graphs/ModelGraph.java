package org.maskrt.exporter.graphs;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/** Named inputs, named outputs, and the maths between them. */
public interface ModelGraph {
    /** Of the folder below {@code onnx/}. */
    String name();

    /** In the order of the file. */
    List<Port> inputs();

    /**
     * The outputs by name, in the order of the file.
     *
     * @param in the inputs by name
     */
    <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in);

    /** The names of the outputs, in the order of the file. */
    default List<String> outputs() {
        return List.copyOf(trace(new CostOps()).keySet());
    }

    /** The shapes of the outputs for one sample and one timestep; {@code ops} learns which weights the graph needs. */
    default Map<String, Shape> trace(CostOps ops) {
        Map<String, Shape> in = new LinkedHashMap<>();
        inputs().forEach(port -> in.put(port.name(), port.shape(1, 1)));
        return build(ops, ops.params(), in);
    }
}

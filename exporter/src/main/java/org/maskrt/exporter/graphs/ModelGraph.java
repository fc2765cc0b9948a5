package org.maskrt.exporter.graphs;

import java.util.List;
import java.util.Map;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

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
}

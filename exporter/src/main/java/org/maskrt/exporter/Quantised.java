package org.maskrt.exporter;

import java.util.List;
import java.util.Map;
import org.maskrt.calibration.QuantisedOps;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.exporter.graphs.Port;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/** A graph with what a table names rounded to 8 bits: what its Q/DQ form means. */
record Quantised(ModelGraph graph, ScaleTable table) implements ModelGraph {
    @Override
    public String name() {
        return graph.name();
    }

    @Override
    public List<Port> inputs() {
        return graph.inputs();
    }

    @Override
    public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
        return graph.build(new QuantisedOps<>(ops, table), p, in);
    }
}

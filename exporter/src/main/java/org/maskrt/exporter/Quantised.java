package org.maskrt.exporter;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.maskrt.calibration.QuantisedOps;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.exporter.graphs.Port;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/**
 * A graph with what a table names rounded to 8 bits. {@link #build} is what it means, {@link #emit} its Q/DQ form. Where scales depend on the timestep, a
 * graph that takes modulations takes timestep [B] too.
 */
record Quantised(ModelGraph graph, ScaleTable table) implements ModelGraph {
    private static final String TIMESTEP = "timestep";

    /** What a graph of both halves of a guided step takes, one half after the other. */
    private static final String UNCONDITIONAL = "modulation_uncond";

    @Override
    public String name() {
        return graph.name();
    }

    @Override
    public List<Port> inputs() {
        List<Port> inputs = new ArrayList<>(graph.inputs());
        if (table.byTimestep() && takes("modulation")) {
            inputs.add(Port.timesteps(TIMESTEP, Shape.BATCH));
        }
        return inputs;
    }

    private boolean takes(String input) {
        return graph.inputs().stream().anyMatch(port -> port.name().equals(input));
    }

    @Override
    public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
        return graph.build(new QuantisedOps<>(ops, table, timestep(ops, in)), p, in);
    }

    /** Its nodes, with QuantizeLinear and DequantizeLinear. */
    Map<String, OnnxValue> emit(OnnxOps ops, Params<OnnxValue> p, Map<String, OnnxValue> in) {
        return graph.build(new QdqOps(ops, table, timestep(ops, in)), p, in);
    }

    /** Of each row that the linears see. */
    private <T> @Nullable T timestep(Ops<T> ops, Map<String, T> in) {
        T timestep = in.get(TIMESTEP);
        return timestep == null || !takes(UNCONDITIONAL) ? timestep : ops.concat(0, List.of(timestep, timestep));
    }
}

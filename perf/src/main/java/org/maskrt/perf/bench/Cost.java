package org.maskrt.perf.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Shape;

/**
 * What a run of a graph costs by its shapes, see {@link CostOps}.
 *
 * @param batch samples in the run
 * @param paths where the cost is, in the order of the graph
 */
public record Cost(int batch, List<Row> paths) {
    public Cost {
        paths = List.copyOf(paths);
    }

    /**
     * The cost under one parameter path.
     *
     * @param flops floating-point operations in products: two for each multiply-accumulate
     * @param weightBytes of its weights
     * @param movedBytes that its operations read and write, nothing fused, in fp32
     */
    public record Row(String path, double flops, double weightBytes, double movedBytes) {
        Row plus(Row other) {
            return new Row(path, flops + other.flops, weightBytes + other.weightBytes, movedBytes + other.movedBytes);
        }
    }

    /**
     * Traces a graph.
     *
     * @param steps timesteps of those graphs that take several
     * @param weightBytes of one weight, as it is stored
     */
    static Cost of(ModelGraph graph, int batch, int steps, double weightBytes) {
        CostOps ops = new CostOps();
        Map<String, Shape> in = new LinkedHashMap<>();
        graph.inputs().forEach(port -> in.put(port.name(), port.shape(batch, steps)));
        graph.build(ops, ops.params(), in);
        return new Cost(
                batch,
                ops.rows().stream()
                        .map(row -> new Row(row.path(), 2.0 * row.macs(), weightBytes * row.parameters(), row.bytes()))
                        .toList());
    }

    /** All paths together. */
    @JsonProperty
    public Row total() {
        return paths.stream().reduce(new Row("total", 0, 0, 0), Row::plus);
    }

    /** The paths with their block numbers left out, such as {@code blocks.*.attn.qkv}, and how many each stands for. */
    List<Kind> kinds() {
        Map<String, Kind> kinds = new LinkedHashMap<>();
        for (Row row : paths) {
            kinds.merge(kind(row.path), new Kind(1, row), (a, b) -> new Kind(a.count + 1, a.row.plus(b.row)));
        }
        List<Kind> named = new ArrayList<>();
        kinds.forEach((name, k) ->
                named.add(new Kind(k.count, new Row(name, k.row.flops, k.row.weightBytes, k.row.movedBytes))));
        return named;
    }

    static String kind(String path) {
        return path.replaceAll("(?<=\\.)\\d+(?=\\.|$)", "*");
    }

    /** Paths that differ in the number of their block only, summed. */
    record Kind(int count, Row row) {}
}

package org.maskrt.exporter;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Shape;

/**
 * A graph under construction: inputs, nodes in the order of evaluation, outputs. Names are settled by {@link #names}: initialisers have the
 * path of their parameter, nodes {@code <path>/<Op>}, and what no output needs has none and is not written.
 */
public final class OnnxGraph {
    /** The path of nodes that prepare the next layer, as a normalisation does. */
    static final String NEXT = ">";

    /** The path of nodes that belong to the layer before them, as an activation does. */
    static final String SAME = "<";

    private final Map<String, OnnxValue> inputs = new LinkedHashMap<>();
    private final Map<String, OnnxValue> outputs = new LinkedHashMap<>();
    private final List<OnnxNode> nodes = new ArrayList<>();

    /** A graph input; symbolic dimensions of {@code shape} become the symbols {@code batch} and {@code steps}. */
    public OnnxValue input(String name, Shape shape, OnnxType type) {
        OnnxValue value = OnnxValue.of(shape, type);
        if (inputs.putIfAbsent(name, value) != null) {
            throw new IllegalArgumentException("the graph already has an input " + name);
        }
        return value;
    }

    /** Declares {@code value} a graph output, under a name of its own. */
    public void output(String name, OnnxValue value) {
        OnnxValue own = OnnxValue.of(value.shape(), value.type());
        add(OnnxOp.IDENTITY, SAME, List.of(value), Map.of(), own);
        if (inputs.containsKey(name) || outputs.putIfAbsent(name, own) != null) {
            throw new IllegalArgumentException("the graph already has an input or output " + name);
        }
    }

    OnnxValue add(OnnxOp op, String path, List<@Nullable OnnxValue> in, Map<String, Object> attributes, OnnxValue out) {
        add(op, path, in, attributes, List.of(out));
        return out;
    }

    void add(
            OnnxOp op, String path, List<@Nullable OnnxValue> in, Map<String, Object> attributes, List<OnnxValue> out) {
        op.check(path + "/" + op.onnxName(), in, out.size(), attributes);
        nodes.add(
                new OnnxNode(op, path, Collections.unmodifiableList(new ArrayList<>(in)), Map.copyOf(attributes), out));
    }

    Map<String, OnnxValue> inputs() {
        return Collections.unmodifiableMap(inputs);
    }

    Map<String, OnnxValue> outputs() {
        return Collections.unmodifiableMap(outputs);
    }

    /** The graph as it is written: the nodes that an output needs, with the names of everything they touch. */
    Names names() {
        return new Names(needed());
    }

    /** The layers of the nodes of {@code op} that are written, in order. */
    List<String> layers(OnnxOp op) {
        return needed().stream()
                .filter(node -> node.op() == op)
                .map(OnnxNode::path)
                .distinct()
                .toList();
    }

    private List<OnnxNode> needed() {
        if (outputs.isEmpty()) {
            throw new IllegalStateException("the graph has no output; declare one with output(name, value)");
        }
        Set<OnnxValue> wanted = new HashSet<>();
        wanted.addAll(outputs.values());
        List<OnnxNode> kept = new ArrayList<>();
        for (int i = nodes.size() - 1; i >= 0; i--) {
            OnnxNode node = nodes.get(i);
            if (node.outputs().stream().anyMatch(wanted::contains)) {
                kept.add(node);
                for (OnnxValue in : node.inputs()) {
                    if (in != null) {
                        wanted.add(in);
                    }
                }
            }
        }
        Collections.reverse(kept);
        return kept;
    }

    /** Nodes, initialisers and edges with their final names, all unique. */
    final class Names {
        private final Map<String, OnnxNode> named = new LinkedHashMap<>();
        private final Map<String, OnnxValue> initialisers = new LinkedHashMap<>();
        private final Map<OnnxValue, String> edges = new HashMap<>();
        private final Map<String, Integer> taken = new HashMap<>();

        private Names(List<OnnxNode> kept) {
            inputs.forEach(this::reserve);
            outputs.forEach(this::reserve);
            Map<List<Object>, OnnxValue> known = new HashMap<>();
            List<String> paths = paths(kept);
            for (int i = 0; i < kept.size(); i++) {
                OnnxNode node = kept.get(i);
                for (OnnxValue in : node.inputs()) {
                    LazyTensor constant = in == null ? null : in.constant();
                    if (in != null && constant != null && !edges.containsKey(in)) {
                        OnnxValue same = known.putIfAbsent(List.of(constant, in.type()), in);
                        edges.put(in, same != null ? edge(same) : initialiser(in, constant));
                    }
                }
                String name = unique(paths.get(i) + "/" + node.op().onnxName());
                named.put(name, node);
                for (int k = 0; k < node.outputs().size(); k++) {
                    edges.putIfAbsent(node.outputs().get(k), node.outputs().size() == 1 ? name : name + ":" + k);
                }
            }
        }

        Map<String, OnnxNode> nodes() {
            return Collections.unmodifiableMap(named);
        }

        Map<String, OnnxValue> initialisers() {
            return Collections.unmodifiableMap(initialisers);
        }

        String edge(OnnxValue value) {
            String name = edges.get(value);
            if (name == null) {
                throw new IllegalStateException("the value " + value + " does not belong to this graph");
            }
            return name;
        }

        private void reserve(String name, OnnxValue value) {
            edges.put(value, unique(name));
        }

        private String initialiser(OnnxValue value, LazyTensor constant) {
            String path = constant.path();
            String name = unique(path == null ? "constant" : path);
            initialisers.put(name, value);
            return name;
        }

        private String unique(String wanted) {
            Integer count = taken.merge(wanted, 1, Integer::sum);
            return count == 1 ? wanted : unique(wanted + "_" + (count - 1));
        }

        private static List<String> paths(List<OnnxNode> kept) {
            String[] paths = kept.stream().map(OnnxNode::path).toArray(String[]::new);
            String next = "";
            for (int i = paths.length - 1; i >= 0; i--) {
                if (paths[i].equals(NEXT)) {
                    paths[i] = next;
                } else if (!paths[i].equals(SAME)) {
                    next = paths[i];
                }
            }
            String last = "";
            for (int i = 0; i < paths.length; i++) {
                if (paths[i].equals(SAME)) {
                    paths[i] = last;
                }
                last = paths[i];
            }
            return Arrays.asList(paths);
        }
    }
}

package org.maskrt.exporter;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A graph that also gives what layers inside it compute. What a layer with a bias computes is the value to which the bias is added, whatever its
 * products are made of; what an attention computes is its last value.
 */
final class TappedGraph {
    /** A suffix tells initialisers of one parameter apart. */
    private static final Pattern BIAS = Pattern.compile("(.+)\\.bias(_\\d+)?");

    private static final Set<String> WITH_BIAS = Set.of("Add", "Conv", "Gemm");

    private TappedGraph() {}

    /**
     * {@code model} with an fp32 output for each of {@code paths} that it has, under the path; it reads the same external data.
     *
     * @param model names its nodes {@code <path>/<operator>}, as {@link OnnxFile} does
     */
    static ModelProto of(ModelProto model, Collection<String> paths) {
        GraphProto.Builder graph = model.getGraph().toBuilder();
        Map<String, String> biased = biased(model.getGraph());
        Map<String, String> last = new HashMap<>();
        for (NodeProto node : model.getGraph().getNodeList()) {
            int slash = node.getName().lastIndexOf('/');
            if (slash > 0) {
                last.put(node.getName().substring(0, slash), node.getOutput(0));
            }
        }
        for (String path : paths) {
            String edge = biased.getOrDefault(path, last.get(path));
            if (edge != null) {
                graph.addNode(NodeProto.newBuilder()
                        .setOpType(OnnxOp.CAST.onnxName())
                        .setName(path + "/tap")
                        .addInput(edge)
                        .addOutput(path)
                        .addAttribute(AttributeProto.newBuilder()
                                .setName("to")
                                .setType(AttributeProto.AttributeType.INT)
                                .setI(TensorProto.DataType.FLOAT_VALUE)));
                graph.addOutput(ValueInfoProto.newBuilder()
                        .setName(path)
                        .setType(TypeProto.newBuilder()
                                .setTensorType(
                                        TypeProto.Tensor.newBuilder().setElemType(TensorProto.DataType.FLOAT_VALUE))));
            }
        }
        return model.toBuilder().setGraph(graph).build();
    }

    private static Map<String, String> biased(GraphProto graph) {
        Set<String> constants = new HashSet<>();
        graph.getInitializerList().forEach(tensor -> constants.add(tensor.getName()));
        Map<String, String> edges = new HashMap<>();
        for (NodeProto node : graph.getNodeList()) {
            for (String input : node.getInputList()) {
                Matcher bias = BIAS.matcher(input);
                if (WITH_BIAS.contains(node.getOpType()) && constants.contains(input) && bias.matches()) {
                    edges.putIfAbsent(bias.group(1), node.getOutput(0));
                }
            }
        }
        return edges;
    }
}

package org.maskrt.exporter;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A graph with the results of 16-bit operations, computed in fp32: every value of a 16-bit type is an fp32 value that this type holds. Operations
 * take their operands as they are and add up in fp32, as tensor cores do; two casts, to the type and back, round what they give. Operators that
 * only move values need no rounding.
 */
final class RoundedGraph {
    private static final Set<String> MOVES = Set.of(
            OnnxOp.RESHAPE.onnxName(),
            OnnxOp.TRANSPOSE.onnxName(),
            OnnxOp.CONCAT.onnxName(),
            OnnxOp.SLICE.onnxName(),
            OnnxOp.SPLIT.onnxName(),
            OnnxOp.GATHER.onnxName(),
            OnnxOp.GATHER_ND.onnxName(),
            OnnxOp.IDENTITY.onnxName());

    private final Map<String, DataType> types = new HashMap<>();
    private final Set<String> halves = new HashSet<>();
    private final Set<String> widened = new HashSet<>();
    private final List<NodeProto> nodes = new ArrayList<>();

    private RoundedGraph() {}

    /** {@code model}, one of {@link OnnxFile}'s, so rewritten; it reads the same external data. */
    static ModelProto of(ModelProto model) {
        GraphProto graph = model.getGraph();
        RoundedGraph rounded = new RoundedGraph();
        for (ValueInfoProto input : graph.getInputList()) {
            rounded.types.put(
                    input.getName(),
                    DataType.forNumber(input.getType().getTensorType().getElemType()));
        }
        for (TensorProto constant : graph.getInitializerList()) {
            DataType type = DataType.forNumber(constant.getDataType());
            rounded.types.put(constant.getName(), type);
            if (isHalf(type)) {
                rounded.halves.add(constant.getName());
            }
        }
        graph.getNodeList().forEach(rounded::node);
        return model.toBuilder()
                .setGraph(graph.toBuilder().clearNode().addAllNode(rounded.nodes))
                .build();
    }

    /** All our operators give the type of their first operand, but Cast, QuantizeLinear (of its zero point) and DequantizeLinear (of its scale). */
    private void node(NodeProto node) {
        boolean cast = node.getOpType().equals(OnnxOp.CAST.onnxName());
        int typed = node.getOpType().equals(OnnxOp.QUANTIZE_LINEAR.onnxName())
                ? 2
                : node.getOpType().equals(OnnxOp.DEQUANTIZE_LINEAR.onnxName()) ? 1 : 0;
        DataType type = cast
                ? DataType.forNumber((int) node.getAttribute(0).getI())
                : types.getOrDefault(node.getInput(typed), DataType.UNDEFINED);
        node.getOutputList().forEach(output -> types.put(output, type));
        NodeProto.Builder wide = node.toBuilder();
        for (int i = 0; i < node.getInputCount(); i++) {
            wide.setInput(i, widen(node.getInput(i)));
        }
        if (!isHalf(type) || MOVES.contains(node.getOpType())) {
            nodes.add(wide.build());
            return;
        }
        String output = node.getOutput(0);
        String exact = cast ? wide.getInput(0) : output + "/exact";
        if (!cast) {
            nodes.add(wide.setName(exact).setOutput(0, exact).build());
        }
        nodes.add(cast(exact, type, output + "/rounded"));
        nodes.add(cast(output + "/rounded", DataType.FLOAT, output));
    }

    /** The fp32 value of an edge; that of a 16-bit constant is made where it is first read. */
    private String widen(String edge) {
        if (!halves.contains(edge)) {
            return edge;
        }
        String wide = edge + "/fp32";
        if (widened.add(edge)) {
            nodes.add(cast(edge, DataType.FLOAT, wide));
        }
        return wide;
    }

    private static boolean isHalf(DataType type) {
        return type == DataType.FLOAT16 || type == DataType.BFLOAT16;
    }

    private static NodeProto cast(String from, DataType type, String to) {
        return NodeProto.newBuilder()
                .setOpType(OnnxOp.CAST.onnxName())
                .setName(to)
                .addInput(from)
                .addOutput(to)
                .addAttribute(AttributeProto.newBuilder()
                        .setName("to")
                        .setType(AttributeProto.AttributeType.INT)
                        .setI(type.getNumber()))
                .build();
    }
}

package org.maskrt.exporter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.exporter.ExportOptions.Validation;
import org.maskrt.exporter.GraphStyle.Bias;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/** The forms that TensorRT fuses, counted on the graphs that it gets. */
class TensorRtGraphTest {
    private static final long SEED = 83;

    /** What the 10.6 parser imports without a plugin. */
    private static final Set<String> IMPORTED = Set.of(
            "Add",
            "Cast",
            "Concat",
            "Conv",
            "Cos",
            "Div",
            "Exp",
            "Gather",
            "Gelu",
            "Identity",
            "InstanceNormalization",
            "LayerNormalization",
            "MatMul",
            "Mul",
            "ReduceMean",
            "Reshape",
            "Resize",
            "Sigmoid",
            "Sin",
            "Slice",
            "Softmax",
            "Split",
            "Sqrt",
            "Sub",
            "Transpose");

    @TempDir
    Path onnx;

    /** A written graph, with who makes and who reads each edge. */
    private static final class Written {
        final GraphProto graph;
        final Map<String, NodeProto> makers = new HashMap<>();
        final Map<String, List<NodeProto>> readers = new HashMap<>();
        final Map<String, TensorProto> constants = new HashMap<>();
        final Map<String, DataType> types = new HashMap<>();

        Written(ModelProto model) {
            assertEquals(1, model.getOpsetImportCount(), "no operators but the standard's");
            assertEquals(20, model.getOpsetImport(0).getVersion());
            graph = model.getGraph();
            graph.getInputList().forEach(input -> types.put(input.getName(), type(input)));
            for (TensorProto constant : graph.getInitializerList()) {
                constants.put(constant.getName(), constant);
                types.put(constant.getName(), DataType.forNumber(constant.getDataType()));
            }
            for (NodeProto node : graph.getNodeList()) {
                DataType type = node.getOpType().equals("Cast")
                        ? DataType.forNumber((int) node.getAttribute(0).getI())
                        : types.get(node.getInput(0));
                for (String output : node.getOutputList()) {
                    makers.put(output, node);
                    types.put(output, type);
                }
                node.getInputList()
                        .forEach(input -> readers.computeIfAbsent(input, i -> new ArrayList<>())
                                .add(node));
            }
        }

        static DataType type(ValueInfoProto value) {
            return DataType.forNumber(value.getType().getTensorType().getElemType());
        }

        List<NodeProto> all(String op) {
            return graph.getNodeList().stream()
                    .filter(n -> n.getOpType().equals(op))
                    .toList();
        }

        /** The node that gives input {@code i} of {@code node}, which must be an {@code op}. */
        NodeProto before(NodeProto node, int i, String op) {
            NodeProto found = makers.get(node.getInput(i));
            assertTrue(
                    found != null && found.getOpType().equals(op),
                    node.getName() + " needs input " + i + " from " + op + ", it is " + node.getInput(i));
            return found;
        }

        NodeProto after(NodeProto node, String op) {
            List<NodeProto> found = readers.getOrDefault(node.getOutput(0), List.of());
            assertEquals(1, found.size(), node.getName());
            assertEquals(op, found.get(0).getOpType(), node.getName());
            return found.get(0);
        }

        List<Long> attribute(NodeProto node, String name) {
            return node.getAttributeList().stream()
                    .filter(a -> a.getName().equals(name))
                    .findFirst()
                    .orElseThrow()
                    .getIntsList();
        }
    }

    private Written export(TensorRtModels family, GraphStyle style, String graph) {
        ExportOptions options =
                ExportOptions.of(style).withGraphs(Set.of(graph)).withValidation(Validation.off());
        Weights weights = Cases.random(WeightCheck.wanted(family.model), SEED);
        Cases.export(options, EagerJudge.reference(), family.model, weights, onnx);
        return new Written(OnnxFile.read(onnx.resolve(graph).resolve(OnnxFile.MODEL)));
    }

    static Stream<Arguments> steps() {
        return TensorRtModels.all()
                .flatMap(family -> Stream.concat(
                        TensorRtModels.PRECISIONS.stream().map(p -> Arguments.of(family, p, "guided_step")),
                        Stream.of("denoiser", "half_step").map(graph -> Arguments.of(family, Precision.BF16, graph))));
    }

    @ParameterizedTest
    @MethodSource("steps")
    void blocksAreWhatTensorRtFuses(TensorRtModels family, Precision precision, String graph) {
        Written w = export(family, GraphStyle.tensorrt(precision), graph);
        DataType compute = precision.type().proto();
        attentions(w, family, compute);

        List<NodeProto> norms = w.all("LayerNormalization");
        assertEquals(family.norms(), norms.size());
        for (NodeProto norm : norms) {
            assertEquals(3, norm.getInputCount(), norm.getName());
            assertEquals(DataType.FLOAT, w.types.get(norm.getInput(0)), norm.getName());
            assertTrue(ones(w.constants.get(norm.getInput(1))), norm.getName() + ": a scale of ones");
            w.after(w.after(norm, "Mul"), "Add");
        }
        assertEquals(0, w.all("InstanceNormalization").size());

        List<NodeProto> gelus = w.all("Gelu");
        assertEquals(family.blocks, gelus.size());
        for (NodeProto gelu : gelus) {
            assertEquals("tanh", gelu.getAttribute(0).getS().toStringUtf8());
            assertEquals(compute, w.types.get(gelu.getInput(0)), gelu.getName());
        }

        assertEquals(
                precision == Precision.FP32 ? 0 : 4 * family.blocks,
                w.all("Cast").size(),
                "two for each branch");
        for (NodeProto mul : w.all("Mul")) {
            assertTrue(
                    mul.getInputList().stream().noneMatch(w.constants::containsKey),
                    mul.getName() + " multiplies by a constant");
        }
        assertEquals(
                switch (graph) {
                    case "guided_step" -> 5;
                    case "half_step" -> 3;
                    default -> 0;
                },
                w.all("Gather").size(),
                "one for each table");
        types(w, family, compute);
    }

    /** MatMul, Add of the bias, Softmax, MatMul in one type, and queries that come from their linear untouched. */
    private static void attentions(Written w, TensorRtModels family, DataType compute) {
        List<NodeProto> softmaxes = w.all("Softmax");
        assertEquals(family.blocks, softmaxes.size());
        int heads = 0;
        for (NodeProto softmax : softmaxes) {
            assertEquals(compute, w.types.get(softmax.getInput(0)), softmax.getName());
            NodeProto logits = softmax;
            if (family.biased) {
                logits = w.before(softmax, 0, "Add");
                TensorProto bias = w.constants.get(logits.getInput(1));
                assertTrue(bias != null, logits.getName() + " adds " + logits.getInput(1));
                assertEquals(compute.getNumber(), bias.getDataType(), bias.getName());
                assertEquals(List.of(16L, 16L), bias.getDimsList().subList(2, 4), bias.getName());
                assertEquals(1L, bias.getDims(0), bias.getName());
                heads += (int) bias.getDims(1);
            }
            NodeProto product = w.before(logits, 0, "MatMul");
            NodeProto mixed = w.after(softmax, "MatMul");
            assertEquals(softmax.getOutput(0), mixed.getInput(0));
            NodeProto q = w.before(product, 0, "Transpose");
            NodeProto k = w.before(product, 1, "Transpose");
            NodeProto v = w.before(mixed, 1, "Transpose");
            assertEquals(List.of(0L, 2L, 1L, 3L), w.attribute(q, "perm"));
            assertEquals(List.of(0L, 2L, 3L, 1L), w.attribute(k, "perm"));
            assertEquals(List.of(0L, 2L, 1L, 3L), w.attribute(v, "perm"));
            NodeProto split = w.before(w.before(q, 0, "Reshape"), 0, "Split");
            assertEquals(split, w.before(w.before(k, 0, "Reshape"), 0, "Split"));
            assertEquals(split, w.before(w.before(v, 0, "Reshape"), 0, "Split"));
            NodeProto linear = w.before(w.before(split, 0, "Add"), 0, "MatMul");
            assertTrue(linear.getInput(1).endsWith(".attn.qkv.weight"), linear.getInput(1));
            assertEquals(compute, w.types.get(linear.getInput(0)), linear.getName());
        }
        assertTrue(!family.biased || heads > 0);
    }

    private static void types(Written w, TensorRtModels family, DataType compute) {
        w.constants.forEach((name, constant) -> {
            boolean block = name.matches(".*blocks\\..*\\.(attn|mlp)\\..*");
            boolean index = constant.getDataType() == DataType.INT64_VALUE;
            DataType wanted = block ? compute : DataType.FLOAT;
            assertTrue(index || constant.getDataType() == wanted.getNumber(), name + " of " + family);
        });
        Stream.concat(w.graph.getInputList().stream(), w.graph.getOutputList().stream())
                .forEach(value -> assertEquals(
                        Set.of("rows", "advance", "next_rows").contains(value.getName())
                                ? DataType.INT64
                                : DataType.FLOAT,
                        Written.type(value),
                        value.getName()));
        imported(w);
    }

    private static void imported(Written w) {
        Set<String> ops =
                w.graph.getNodeList().stream().map(NodeProto::getOpType).collect(Collectors.toSet());
        assertTrue(IMPORTED.containsAll(ops), ops::toString);
    }

    private static boolean ones(TensorProto constant) {
        ByteBuffer bytes = constant.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        boolean ones = bytes.hasRemaining();
        while (bytes.hasRemaining()) {
            ones &= bytes.getFloat() == 1;
        }
        return ones;
    }

    @ParameterizedTest
    @EnumSource(
            value = TensorRtModels.class,
            names = {"MDT_V1", "MDT_V2", "EMD3C"})
    void aGatheredBiasComesFromItsTable(TensorRtModels family) {
        for (Precision precision : TensorRtModels.PRECISIONS) {
            Written w = export(family, GraphStyle.tensorrt(precision).with(Bias.GATHER), "guided_step");
            assertEquals(5 + family.blocks, w.all("Gather").size());
            for (NodeProto softmax : w.all("Softmax")) {
                NodeProto bias = w.before(w.before(softmax, 0, "Add"), 1, "Reshape");
                NodeProto gather = w.before(w.before(bias, 0, "Transpose"), 0, "Gather");
                TensorProto table = w.constants.get(gather.getInput(0));
                assertTrue(table.getName().endsWith("relative_position_bias_table"), table.getName());
                assertEquals(precision.type().proto().getNumber(), table.getDataType(), table.getName());
                assertEquals(49 + 3, table.getDims(0), table.getName());
            }
            assertEquals(
                    precision == Precision.FP32 ? 0 : 4 * family.blocks,
                    w.all("Cast").size());
            imported(w);
        }
    }

    /** Each adaLN linear is a product and one Add: the 1 of its scales is in its bias. */
    @ParameterizedTest
    @EnumSource(TensorRtModels.class)
    void theConditionerAddsNothingToItsLinears(TensorRtModels family) {
        Written w = export(family, GraphStyle.tensorrt(Precision.BF16), "conditioner");
        int linears = 0;
        for (NodeProto product : w.all("MatMul")) {
            if (product.getInput(1).contains("adaLN_modulation")) {
                NodeProto shifted = w.after(product, "Add");
                assertTrue(shifted.getInput(1).endsWith("adaLN_modulation.1.bias"), shifted.getInput(1));
                w.after(shifted, "Concat");
                linears++;
            }
        }
        assertEquals(family.model.modulation().size(), linears);
        assertEquals(0, w.all("Cast").size());
        imported(w);
    }

    @Test
    void theWeightsOfQueriesHoldTheScale() throws IOException {
        Map<String, Tensor> trained = new HashMap<>();
        Weights weights = Cases.random(WeightCheck.wanted(TensorRtModels.MDT_V1.model), SEED);
        weights.keys().forEach(key -> trained.put(key, weights.tensor(key)));
        Written w = export(TensorRtModels.MDT_V1, GraphStyle.tensorrt(Precision.FP32), "denoiser");
        int width = 144;
        float scale = (float) (1 / Math.sqrt(72));
        for (int block = 0; block < 3; block++) {
            String at = "blocks." + block + ".attn.qkv.";
            float[] weight = external(w.constants.get(at + "weight"));
            float[] bias = external(w.constants.get(at + "bias"));
            for (int out = 0; out < 3 * width; out++) {
                float factor = out < width ? scale : 1;
                assertEquals(factor * trained.get(at + "bias").values()[out], bias[out], at + "bias " + out);
                for (int in = 0; in < width; in++) {
                    assertEquals(
                            factor * trained.get(at + "weight").values()[out * width + in],
                            weight[in * 3 * width + out],
                            at + "weight " + out + "," + in);
                }
            }
        }
    }

    private float[] external(TensorProto constant) throws IOException {
        Map<String, String> entry = new HashMap<>();
        constant.getExternalDataList().forEach(e -> entry.put(e.getKey(), e.getValue()));
        ByteBuffer bytes =
                ByteBuffer.allocate(Integer.parseInt(entry.get("length"))).order(ByteOrder.LITTLE_ENDIAN);
        try (FileChannel data = FileChannel.open(onnx.resolve("denoiser").resolve(entry.get("location")))) {
            data.read(bytes, Long.parseLong(entry.get("offset")));
        }
        float[] values = new float[bytes.capacity() / Float.BYTES];
        bytes.flip().asFloatBuffer().get(values);
        return values;
    }

    /** Tokens are hidden by a number that fp16 holds, and its sum with the bias reaches the logits in their type. */
    @ParameterizedTest
    @EnumSource(value = Precision.class, mode = EnumSource.Mode.EXCLUDE, names = "INT8")
    void inpaintingHidesTokensInTheComputeType(Precision precision) {
        for (TensorRtModels family : List.of(TensorRtModels.MDT_V2, TensorRtModels.EMD3C)) {
            for (Bias bias : Bias.values()) {
                Written w = export(family, GraphStyle.tensorrt(precision).with(bias), "inpaint");
                assertEquals(family.blocks + 1, w.all("Softmax").size());
                for (NodeProto softmax : w.all("Softmax")) {
                    assertEquals(precision.type().proto(), w.types.get(softmax.getInput(0)), softmax.getName());
                    w.before(w.before(softmax, 0, "Add"), 0, "MatMul");
                    w.after(softmax, "MatMul");
                }
                imported(w);
            }
        }
    }

    @Test
    void autoencodersKeepFp32AndPlainConvolutions() {
        AutoencoderKl vae = new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(8, 16), 1, 4, 1, 16));
        Weights weights = Cases.random(WeightCheck.wanted(vae), SEED);
        ExportOptions options =
                ExportOptions.of(GraphStyle.tensorrt(Precision.FP16)).withValidation(Validation.off());
        new OnnxExporter(options, EagerJudge.reference(), ExportListener.NONE).export(vae, 16, weights, onnx);
        for (String graph : List.of("vae_encoder", "vae_decoder")) {
            Written w = new Written(OnnxFile.read(onnx.resolve(graph).resolve(OnnxFile.MODEL)));
            long kernels = weights.keys().stream()
                    .filter(key -> weights.shape(key).rank() == 4
                            && key.contains(graph.equals("vae_encoder") ? "encoder." : "decoder."))
                    .count();
            assertEquals(kernels + 1, w.all("Conv").size(), "one for each kernel, and that of the moments or latents");
            for (NodeProto norm : w.all("InstanceNormalization")) {
                assertTrue(w.constants.containsKey(norm.getInput(1)) && w.constants.containsKey(norm.getInput(2)));
            }
            assertEquals(0, w.all("Cast").size());
            imported(w);
        }
    }
}

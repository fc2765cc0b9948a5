package org.maskrt.exporter;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/** int8 graphs: what is quantised, to which numbers, and what ONNX Runtime makes of it. */
class QuantisedGraphTest {
    private static final Denoiser MODEL = new Mdt(new MdtConfig(2, 8, 2, 4, 48, 3, 2, 3, 3, 1, 0.3, true));

    private static final GraphStyle INT8 =
            GraphStyle.DEFAULT.with(Attention.ORT_MHA).with(Precision.INT8);

    private static final Set<String> GRAPHS = Set.of("conditioner", "denoiser", "guided_step");

    @TempDir
    Path onnx;

    private List<ExportReport> export(Weights weights) {
        return Cases.export(ExportOptions.of(INT8).withGraphs(GRAPHS), EagerJudge.reference(), MODEL, weights, onnx);
    }

    private static Weights weights(long seed) {
        return Cases.random(WeightCheck.wanted(MODEL), seed);
    }

    private GraphProto graph(String name) {
        return OnnxFile.read(onnx.resolve(name).resolve(OnnxFile.MODEL)).getGraph();
    }

    private ByteBuffer data(String graph, TensorProto tensor) throws IOException {
        Map<String, String> entry = tensor.getExternalDataList().stream()
                .collect(Collectors.toMap(StringStringEntryProto::getKey, StringStringEntryProto::getValue));
        byte[] all = Files.readAllBytes(onnx.resolve(graph).resolve(OnnxFile.DATA));
        int from = Integer.parseInt(entry.get("offset"));
        return ByteBuffer.wrap(all, from, Integer.parseInt(entry.get("length")))
                .slice()
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Of every block the four layers that are quantised, and the long skips. */
    private static Set<String> expected() {
        Set<String> layers = new TreeSet<>();
        for (String block : List.of("en_inblocks.0", "en_outblocks.0", "de_blocks.0")) {
            for (String layer : List.of("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")) {
                layers.add(block + "." + layer);
            }
        }
        layers.add("en_outblocks.0.skip_linear");
        layers.add("de_blocks.0.skip_linear");
        return layers;
    }

    @Test
    void linearsOfBlocksAreQuantisedAndNothingElse() throws IOException {
        Weights weights = weights(1);
        List<ExportReport> reports = export(weights);
        GraphProto graph = graph("denoiser");
        Set<String> layers = new TreeSet<>();
        for (NodeProto node : graph.getNodeList()) {
            if (node.getOpType().equals("MatMulInteger")) {
                layers.add(node.getName().substring(0, node.getName().indexOf('/')));
            }
        }
        assertEquals(expected(), layers);
        Map<String, TensorProto> initialisers = new LinkedHashMap<>();
        graph.getInitializerList().forEach(t -> initialisers.put(t.getName(), t));
        for (Map.Entry<String, TensorProto> entry : initialisers.entrySet()) {
            String layer = entry.getKey().replaceFirst("(\\.\\d+)?\\.weight$", "");
            boolean quantised = entry.getKey().endsWith(".weight") && layers.contains(layer);
            boolean index = entry.getValue().getDataType() == DataType.INT64.getNumber();
            int type = quantised ? DataType.INT8.getNumber() : DataType.FLOAT.getNumber();
            assertTrue(index || entry.getValue().getDataType() == type, entry.getKey());
        }
        for (String layer : layers) {
            int in = weights.shape(layer + ".weight").dim(1);
            if (layer.endsWith("skip_linear")) {
                nearestLevels(layer, 0, in / 2, layer + ".0", weights, initialisers);
                nearestLevels(layer, in / 2, in, layer + "." + in / 2, weights, initialisers);
            } else {
                nearestLevels(layer, 0, in, layer, weights, initialisers);
            }
        }

        JsonNode report = JsonMapper.builder()
                .build()
                .readTree(onnx.resolve("denoiser").resolve("export.json").toFile());
        assertEquals("int8", report.path("dtype").asText());
        Set<String> recorded = new TreeSet<>();
        report.path("quantization").path("layers").forEach(l -> recorded.add(l.asText()));
        assertEquals(expected(), recorded);
        assertTrue(report.path("tolerance").path("reached").path("out_sample").asDouble() > 1e-5, report.toString());
        for (ExportReport each : reports) {
            double limit = each.graph().equals("conditioner") ? 1e-5 : 0.05;
            assertTrue(each.worst().orElseThrow() <= limit, each.toString());
        }
        JsonNode conditioner = JsonMapper.builder()
                .build()
                .readTree(onnx.resolve("conditioner").resolve("export.json").toFile());
        assertEquals("fp32", conditioner.path("dtype").asText());
        assertEquals(1e-5, conditioner.path("tolerance").path("limit").asDouble());
        assertFalse(conditioner.has("quantization"));
    }

    /** Each level is the one nearest to the weight, and the largest weight of a channel has the level 127 or -127; of the inputs {@code from} to {@code to}. */
    private void nearestLevels(
            String layer, int from, int to, String name, Weights weights, Map<String, TensorProto> initialisers)
            throws IOException {
        Tensor weight = weights.tensor(layer + ".weight");
        int out = weight.dim(0);
        int in = weight.dim(1);
        TensorProto stored = initialisers.get(name + ".weight");
        assertEquals(List.of((long) to - from, (long) out), stored.getDimsList(), name);
        ByteBuffer levels = data("denoiser", stored);
        ByteBuffer scales = data("denoiser", initialisers.get(name + ".weight_scale"));
        for (int o = 0; o < out; o++) {
            float scale = scales.getFloat(o * Float.BYTES);
            int largest = 0;
            for (int i = from; i < to; i++) {
                int level = levels.get((i - from) * out + o);
                largest = Math.max(largest, Math.abs(level));
                float exact = weight.values()[o * in + i];
                assertEquals(exact, level * scale, scale * 0.50001, name + " [" + o + "," + i + "]");
            }
            assertEquals(127, largest, name + " channel " + o);
        }
    }

    /** The sums are exact, so only the order of the scales' products may differ. */
    @Test
    void productsAreThoseOfTheQuantisedNumbers() {
        int rows = 5;
        int in = 64;
        int out = 33;
        long seed = 11;
        Random random = new Random(seed);
        Tensor x = normal(random, 1, rows, in);
        Tensor weight = normal(random, out, in);
        Tensor bias = normal(random, out);
        OnnxGraph graph = new OnnxGraph();
        OnnxOps ops = new OnnxOps(graph, INT8);
        Weights weights = Weights.of("test", Map.of("fc.weight", weight, "fc.bias", bias));
        ops.output(
                "out", ops.linear(ops.params(weights).at("fc"), graph.input("x", x.shape(), OnnxType.FLOAT), in, out));
        OnnxFile.write(onnx, graph, Map.of(), fraction -> {});
        OnnxChecker.check(onnx.resolve(OnnxFile.MODEL));
        float[] got;
        try (ValidationSession session = ValidationSession.open(onnx.resolve(OnnxFile.MODEL))) {
            got = session.run(Map.of("x", x)).get("out").values();
        }

        // DynamicQuantizeLinear of the ONNX specification
        float low = 0;
        float high = 0;
        for (float v : x.values()) {
            low = Math.min(low, v);
            high = Math.max(high, v);
        }
        float scale = (high - low) / 255;
        int zero = (int) Math.rint(-low / scale);
        float[] expected = new float[rows * out];
        for (int r = 0; r < rows; r++) {
            for (int o = 0; o < out; o++) {
                float largest = 0;
                for (int i = 0; i < in; i++) {
                    largest = Math.max(largest, Math.abs(weight.values()[o * in + i]));
                }
                float step = largest / 127;
                int sum = 0;
                for (int i = 0; i < in; i++) {
                    long q = Math.round(Math.rint(x.values()[r * in + i] / scale)) + zero;
                    long w = Math.round(Math.rint(weight.values()[o * in + i] / step));
                    sum += (int) ((Math.max(0, Math.min(255, q)) - zero) * w);
                }
                expected[r * out + o] = sum * (scale * step) + bias.values()[o];
            }
        }
        assertArrayEquals(expected, got, 1e-4f, "seed " + seed);
    }

    private static Tensor normal(Random random, int... dims) {
        Tensor t = Tensor.zeros(dims);
        for (int i = 0; i < t.size(); i++) {
            t.values()[i] = (float) random.nextGaussian();
        }
        return t;
    }

    @Test
    void zeroChannelsStayZero() {
        Tensor weight = Tensor.of(new float[] {0, 2, 0, -1}, 2, 2);
        assertArrayEquals(new float[] {1, 2 / 127f}, Quantisation.scales(weight).values());
        assertArrayEquals(
                new float[] {0, 127, 0, -64}, Quantisation.levels(weight).values());
    }

    /** The fast kernel takes quantisation, product, scales and bias at once. The middle of the model, whose skip joins a value with itself, quantises it once for two products. */
    @Test
    void onnxRuntimeFusesEachLayerIntoOneNode() throws OrtException {
        export(weights(2));
        Path optimised = onnx.resolve("optimised.onnx");
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
            options.setOptimizedModelFilePath(optimised.toString());
            OrtEnvironment.getEnvironment()
                    .createSession(
                            onnx.resolve("guided_step").resolve(OnnxFile.MODEL).toString(), options)
                    .close();
        }
        List<String> left = new ArrayList<>();
        int fused = 0;
        for (NodeProto node : OnnxFile.read(optimised).getGraph().getNodeList()) {
            if (node.getOpType().equals("DynamicQuantizeMatMul")) {
                fused++;
            } else if (Set.of("MatMulInteger", "DynamicQuantizeLinear", "Cast", "MatMulIntegerToFloat")
                    .contains(node.getOpType())) {
                left.add(node.getName());
            }
        }
        String middle = "en_outblocks.0.skip_linear/";
        assertEquals(
                List.of(middle + "DynamicQuantizeLinear_1", middle + "MatMulInteger", middle + "MatMulInteger_1"),
                left);
        assertEquals(14, fused);
    }

    @Test
    void tensorRtTakesNone() {
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> ExportOptions.of(GraphStyle.tensorrt(Precision.INT8)));
        assertEquals(ExitCode.USAGE, e.code());
        assertEquals(
                "quantize: expected the target onnxruntime for int8, received tensorrt; name that target, or bf16",
                e.getMessage());
    }
}

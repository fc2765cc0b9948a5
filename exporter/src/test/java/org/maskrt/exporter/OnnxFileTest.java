package org.maskrt.exporter;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.exporter.ExportOptions.Validation;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/** What the files hold, and what is said when something is wrong. */
class OnnxFileTest {
    private static final Denoiser MODEL = new Mdt(new MdtConfig(2, 8, 2, 4, 48, 3, 2, 3, 3, 1, 0.3, true));

    private static final ExportOptions QUICK = ExportOptions.DEFAULT.withValidation(Validation.off());

    @TempDir
    Path onnx;

    private static Map<String, Tensor> tensors(long seed) {
        Weights random = Cases.random(WeightCheck.wanted(MODEL), seed);
        return random.keys().stream()
                .collect(Collectors.toMap(Function.identity(), random::tensor, (a, b) -> a, LinkedHashMap::new));
    }

    private GraphProto export(Map<String, Tensor> tensors, ExportOptions options, String graph) {
        export(
                options.withGraphs(Set.of(graph)),
                ExportListener.NONE,
                Weights.of("weights.safetensors", tensors),
                onnx);
        return OnnxFile.read(onnx.resolve(graph).resolve(OnnxFile.MODEL)).getGraph();
    }

    private static void export(ExportOptions options, ExportListener listener, Weights weights, Path onnx) {
        new OnnxExporter(options, EagerJudge.reference(), listener).export(MODEL, weights, onnx);
    }

    @Test
    void parametersKeepTheirPathsAndNoneIsUnused() throws IOException {
        GraphProto graph = export(tensors(1), QUICK, "denoiser");
        Map<String, TensorProto> initialisers = new LinkedHashMap<>();
        graph.getInitializerList().forEach(t -> initialisers.put(t.getName(), t));
        Set<String> read = new HashSet<>();
        graph.getNodeList().forEach(n -> read.addAll(n.getInputList()));
        assertEquals(Set.of(), minus(initialisers.keySet(), read), "unused initialisers");

        Set<String> known = WeightCheck.wanted(MODEL).keySet();
        Set<String> parameters = initialisers.values().stream()
                .filter(t -> t.getDataLocation() == TensorProto.DataLocation.EXTERNAL)
                .map(TensorProto::getName)
                .collect(Collectors.toSet());
        assertEquals(Set.of(), minus(parameters, known), "external tensors that are no parameter");
        Set<String> left = minus(known, parameters);
        assertTrue(
                left.stream()
                        .allMatch(k ->
                                k.matches("(sideblocks|t_embedder|y_embedder)\\..*|mask_token|.*adaLN_modulation.*")),
                () -> "parameters that are not in the denoiser: " + left);

        assertEquals(
                List.of(48L, 144L),
                initialisers.get("de_blocks.0.attn.qkv.weight").getDimsList());
        assertEquals(
                List.of(1L, 2L, 16L, 16L),
                initialisers
                        .get("en_inblocks.0.attn.rel_pos_bias.relative_position_bias_table")
                        .getDimsList());
        long size = Files.size(onnx.resolve("denoiser").resolve(OnnxFile.DATA));
        for (String parameter : parameters) {
            Map<String, String> entry = initialisers.get(parameter).getExternalDataList().stream()
                    .collect(Collectors.toMap(StringStringEntryProto::getKey, StringStringEntryProto::getValue));
            long offset = Long.parseLong(entry.get("offset"));
            assertEquals(OnnxFile.DATA, entry.get("location"));
            assertEquals(0, offset % 4096, parameter);
            assertTrue(offset + Long.parseLong(entry.get("length")) <= size, parameter);
        }
    }

    @Test
    void nodesBelongToTheirLayers() {
        List<String> names = export(tensors(1), QUICK, "denoiser").getNodeList().stream()
                .map(NodeProto::getName)
                .toList();
        assertEquals(names.size(), Set.copyOf(names).size());
        for (String name : List.of(
                "en_inblocks.0.attn.qkv/InstanceNormalization",
                "en_inblocks.0.attn.qkv/MatMul",
                "en_inblocks.0.attn/Softmax",
                "en_inblocks.0.mlp.fc1/Gelu",
                "en_outblocks.0.skip_linear/MatMul",
                "decoder_pos_embed/Add",
                "final_layer.linear/MatMul")) {
            assertTrue(names.contains(name), () -> name + " is not among " + names);
        }
    }

    @Test
    void fusedAttentionIsOneNodeABlock() {
        ExportOptions fused = QUICK.withStyle(GraphStyle.DEFAULT.with(Attention.ORT_MHA));
        List<NodeProto> nodes = export(tensors(1), fused, "guided_step").getNodeList();
        assertEquals(
                3,
                nodes.stream()
                        .filter(n -> n.getOpType().equals("MultiHeadAttention"))
                        .count());
        assertEquals(
                0, nodes.stream().filter(n -> n.getOpType().equals("Softmax")).count());
        List<NodeProto> plain = export(tensors(1), QUICK, "guided_step").getNodeList();
        assertTrue(plain.stream().allMatch(n -> n.getDomain().isEmpty()));
    }

    @Test
    void fp16HasNoCastAroundSoftmax() {
        ExportOptions half = QUICK.withStyle(GraphStyle.DEFAULT.with(Precision.FP16));
        List<NodeProto> nodes = export(tensors(1), half, "transformer").getNodeList();
        Map<String, NodeProto> byOutput = new LinkedHashMap<>();
        nodes.forEach(n -> n.getOutputList().forEach(out -> byOutput.put(out, n)));
        List<NodeProto> softmaxes =
                nodes.stream().filter(n -> n.getOpType().equals("Softmax")).toList();
        assertEquals(3, softmaxes.size());
        for (NodeProto softmax : softmaxes) {
            assertEquals("Add", byOutput.get(softmax.getInput(0)).getOpType());
            assertTrue(nodes.stream()
                    .filter(n -> n.getInputList().contains(softmax.getOutput(0)))
                    .allMatch(n -> n.getOpType().equals("MatMul")));
        }
        long casts = nodes.stream().filter(n -> n.getOpType().equals("Cast")).count();
        assertEquals(3 * 4, casts, "a cast at both ends of each residual branch");
    }

    @Test
    void filesSayWhatTheyAreAndNamesFollowContent() {
        String first = export(tensors(1), QUICK, "denoiser").getName();
        assertTrue(first.matches("maskrt_[0-9a-f]{12}"), first);
        ModelProto model = OnnxFile.read(onnx.resolve("denoiser").resolve(OnnxFile.MODEL));
        assertEquals(9, model.getIrVersion());
        assertEquals(20, model.getOpsetImport(0).getVersion());
        Map<String, String> metadata = model.getMetadataPropsList().stream()
                .collect(Collectors.toMap(StringStringEntryProto::getKey, StringStringEntryProto::getValue));
        assertEquals("denoiser", metadata.get("maskrt.graph"));
        assertEquals(64, metadata.get("maskrt.weights_sha256").length());
        assertTrue(metadata.get("maskrt.config").contains("\"hidden_size\":48"), metadata.get("maskrt.config"));
        assertTrue(metadata.containsKey("maskrt.version"));

        assertEquals(first, export(tensors(1), QUICK, "denoiser").getName(), "same content");
        assertNotEquals(first, export(tensors(2), QUICK, "denoiser").getName(), "other weights");
        assertNotEquals(
                first, export(tensors(1), QUICK.withBatch(2), "denoiser").getName(), "fixed batch");
    }

    @Test
    void symbolsAreBatchAndSteps() {
        GraphProto graph = export(tensors(1), QUICK, "conditioner");
        assertEquals(
                "steps",
                graph.getInput(0).getType().getTensorType().getShape().getDim(0).getDimParam());
        assertEquals(
                "batch",
                graph.getInput(1).getType().getTensorType().getShape().getDim(0).getDimParam());
        GraphProto fixed = export(tensors(1), QUICK.withBatch(4), "conditioner");
        assertEquals(
                4,
                fixed.getInput(1).getType().getTensorType().getShape().getDim(0).getDimValue());
    }

    private void fails(ExitCode code, String message, Map<String, Tensor> tensors, ExportOptions options) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> export(tensors, options, "denoiser"));
        assertEquals(code, e.code(), e.getMessage());
        assertTrue(e.getMessage().contains(message), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }

    private Set<String> left() throws IOException {
        try (Stream<Path> files = Files.walk(onnx)) {
            return files.filter(Files::isRegularFile)
                    .map(f -> onnx.relativize(f).toString())
                    .collect(Collectors.toSet());
        }
    }

    @Test
    void anExportIsCurrentUntilSomethingChanges() throws IOException {
        Weights weights = Weights.of("weights.safetensors", tensors(1));
        List<String> heard = new ArrayList<>();
        ExportListener listener = (graph, stage, fraction) -> heard.add(graph + " " + stage.label() + " " + fraction);
        Set<String> graphs = Set.of("conditioner");
        ExportOptions options = ExportOptions.DEFAULT.withGraphs(graphs);
        assertFalse(isCurrent(options, graphs, weights), "before the export");
        export(options, listener, weights, onnx);

        assertTrue(isCurrent(options, graphs, weights));
        assertTrue(isCurrent(QUICK, graphs, weights), "a comparison is no part of the graph");
        assertFalse(isCurrent(options, Set.of("conditioner", "denoiser"), weights), "another graph");
        assertFalse(isCurrent(options, graphs, Weights.of("weights.safetensors", tensors(2))), "other weights");
        assertFalse(isCurrent(options.withBatch(1), graphs, weights), "another batch");
        assertFalse(
                isCurrent(options.withStyle(GraphStyle.DEFAULT.with(Precision.FP16)), graphs, weights), "another type");
        Files.delete(onnx.resolve("conditioner").resolve(OnnxFile.DATA));
        assertFalse(isCurrent(options, graphs, weights), "no data");
        for (String stage : List.of("hash", "write", "check", "compare")) {
            assertTrue(heard.contains("conditioner " + stage + " 0.0"), heard::toString);
            assertTrue(heard.contains("conditioner " + stage + " 1.0"), heard::toString);
        }
    }

    private boolean isCurrent(ExportOptions options, Set<String> graphs, Weights weights) {
        return new OnnxExporter(options, EagerJudge.reference(), ExportListener.NONE).isCurrent(graphs, weights, onnx);
    }

    @Test
    void weightsThatDoNotFitAreAllListed() throws IOException {
        Map<String, Tensor> tensors = tensors(1);
        tensors.remove("pos_embed");
        tensors.remove("final_layer.linear.bias");
        tensors.put("de_blocks.0.mlp.fc2.bias", Tensor.zeros(47));
        fails(ExitCode.FAILURE, "pos_embed", tensors, QUICK);
        fails(ExitCode.FAILURE, "final_layer.linear.bias", tensors, QUICK);
        fails(ExitCode.FAILURE, "de_blocks.0.mlp.fc2.bias (expected [48], received [47])", tensors, QUICK);
        assertEquals(Set.of(), left());
    }

    @Test
    void aWeightThatIsNotFiniteIsNamedAndNothingStays() throws IOException {
        Map<String, Tensor> tensors = tensors(1);
        tensors.get("en_inblocks.0.mlp.fc1.weight").values()[7] = Float.NaN;
        fails(
                ExitCode.NOT_FINITE,
                "en_inblocks.0.mlp.fc1.weight: expected finite FLOAT values, received NaN",
                tensors,
                QUICK);
        tensors.get("en_inblocks.0.mlp.fc1.weight").values()[7] = 7e4f;
        fails(
                ExitCode.NOT_FINITE,
                "received 70000.0",
                tensors,
                QUICK.withStyle(GraphStyle.DEFAULT.with(Precision.FP16)));
        assertEquals(Set.of(), left());
    }

    @Test
    void aGraphOutsideTheToleranceDoesNotReplaceAGoodOne() throws IOException {
        export(tensors(1), QUICK, "denoiser");
        Set<String> before = left();
        byte[] model = Files.readAllBytes(onnx.resolve("denoiser").resolve(OnnxFile.MODEL));
        fails(
                ExitCode.TOLERANCE,
                "denoiser: expected out_sample within 1.0E-12 of the eager model",
                tensors(2),
                QUICK.withValidation(new Validation(true, 1e-12, 5)));
        assertEquals(before, left());
        assertTrue(
                Arrays.equals(model, Files.readAllBytes(onnx.resolve("denoiser").resolve(OnnxFile.MODEL))));
        assertEquals(Set.of("denoiser/model.onnx", "denoiser/model.onnx.data", "denoiser/export.json"), before);
    }

    @Test
    void aFailureInTheMiddleLeavesNothing() throws IOException {
        Weights good = Weights.of("weights.safetensors", tensors(1));
        int[] reads = {0};
        Weights failing = Weights.lazy("weights.safetensors", WeightCheck.wanted(MODEL), (path, shape) -> {
            if (reads[0]++ > 40) {
                throw new MaskRtException(ExitCode.FAILURE, path + ": the file ends here");
            }
            return good.tensor(path);
        });
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> export(QUICK, ExportListener.NONE, failing, onnx));
        assertTrue(e.getMessage().endsWith("the file ends here"), e.getMessage());
        assertEquals(Set.of(), left());
    }

    @Test
    void anInterruptedExportLeavesNothing() throws IOException {
        ExportListener interrupts = (graph, stage, fraction) -> {
            if (stage == ExportListener.Stage.WRITE && fraction > 0.5) {
                Thread.currentThread().interrupt();
            }
        };
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> export(QUICK, interrupts, Weights.of("weights.safetensors", tensors(1)), onnx));
        assertTrue(Thread.interrupted());
        assertEquals(ExitCode.INTERRUPTED, e.code(), e.getMessage());
        assertEquals(Set.of(), left());
    }

    @Test
    void aFileInTheWayIsNamed() throws IOException {
        Path file = Files.writeString(onnx.resolve("taken"), "");
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> export(QUICK, ExportListener.NONE, Weights.of("weights.safetensors", tensors(1)), file));
        assertEquals(ExitCode.FAILURE, e.code());
        assertTrue(e.getMessage().startsWith(file.resolve("transformer") + ": cannot be written: "), e.getMessage());
    }

    @Test
    void lostOrShortDataIsNamed() throws IOException {
        export(tensors(1), QUICK, "denoiser");
        Path model = onnx.resolve("denoiser").resolve(OnnxFile.MODEL);
        Path data = onnx.resolve("denoiser").resolve(OnnxFile.DATA);
        long size = Files.size(data);
        Files.write(data, new byte[10]);
        MaskRtException cut = assertThrows(MaskRtException.class, () -> ValidationSession.open(model));
        assertEquals(
                data + ": expected " + size + " bytes of weights for " + model
                        + ", received 10 bytes; put it back or export the model again",
                cut.getMessage());
        Files.delete(data);
        MaskRtException gone = assertThrows(MaskRtException.class, () -> OnnxChecker.check(model));
        assertTrue(gone.getMessage().contains("received no file"), gone.getMessage());
        Files.writeString(model, "not an ONNX file");
        MaskRtException other = assertThrows(MaskRtException.class, () -> OnnxChecker.check(model));
        assertTrue(other.getMessage().startsWith(model + ": expected an ONNX file, received "), other.getMessage());
    }

    @Test
    void dataElsewhereIsRefused() throws IOException {
        Path model = onnx.resolve("model.onnx");
        for (String location : List.of("../weights", "..", "/etc/hostname", "")) {
            ModelProto proto = ModelProto.newBuilder()
                    .setGraph(GraphProto.newBuilder()
                            .addInitializer(TensorProto.newBuilder()
                                    .setName("w")
                                    .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                                    .addExternalData(StringStringEntryProto.newBuilder()
                                            .setKey("location")
                                            .setValue(location))))
                    .build();
            Files.write(model, proto.toByteArray());
            MaskRtException e = assertThrows(MaskRtException.class, () -> OnnxFile.requireData(model));
            assertTrue(
                    e.getMessage()
                            .contains("expected its data file beside it, received the location '" + location + "'"),
                    e.getMessage());
        }
    }

    @Test
    void theCheckerRejectsABrokenGraph() throws IOException {
        OnnxGraph graph = new OnnxGraph();
        OnnxValue x = graph.input("x", Shape.of(2, 3), OnnxType.FLOAT);
        graph.output(
                "y",
                graph.add(
                        OnnxOp.MATMUL, "layer", List.of(x, x), Map.of(), OnnxValue.of(Shape.of(2, 3), OnnxType.FLOAT)));
        OnnxFile.write(onnx, graph, Map.of(), fraction -> {});
        MaskRtException e = assertThrows(MaskRtException.class, () -> OnnxChecker.check(onnx.resolve(OnnxFile.MODEL)));
        assertEquals(ExitCode.FAILURE, e.code());
        assertTrue(e.getMessage().contains("expected a valid ONNX model, the checker says: "), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
        assertEquals(Set.of(OnnxFile.MODEL, OnnxFile.DATA), left());
    }

    @Test
    void callsAreCheckedAgainstTheOperatorTable() {
        OnnxGraph graph = new OnnxGraph();
        OnnxValue x = graph.input("x", Shape.of(2, 3), OnnxType.FLOAT);
        OnnxValue y = OnnxValue.of(Shape.of(2, 3), OnnxType.FLOAT);
        assertMessage(
                "a.b/Add: Add-14: expected 2 inputs, received 1",
                () -> graph.add(OnnxOp.ADD, "a.b", List.of(x), Map.of(), y));
        assertMessage(
                "a/Slice: Slice-13: expected 4 to 5 inputs, received 1",
                () -> graph.add(OnnxOp.SLICE, "a", List.of(x), Map.of(), y));
        assertMessage(
                "a/Concat: Concat-13: expected at least 1 inputs, received 0",
                () -> graph.add(OnnxOp.CONCAT, "a", List.of(), Map.of("axis", 1L), y));
        assertMessage(
                "a/Softmax: Softmax-13: expected attributes [axis], received []",
                () -> graph.add(OnnxOp.SOFTMAX, "a", List.of(x), Map.of(), y));
        assertMessage(
                "a/Gelu: Gelu-20: expected attributes [] and optionally [approximate], received [alpha]",
                () -> graph.add(OnnxOp.GELU, "a", List.of(x), Map.of("alpha", 1f), y));
        assertMessage(
                "a/Exp: Exp-13: expected 1 output, received 2",
                () -> graph.add(OnnxOp.EXP, "a", List.of(x), Map.of(), List.of(y, y)));
        assertMessage("the graph already has an input x", () -> graph.input("x", Shape.of(1), OnnxType.FLOAT));
        assertMessage("the graph already has an input or output x", () -> graph.output("x", x));
        assertDoesNotThrow(() -> graph.output("out", x));
    }

    @Test
    void optionsAreChecked() {
        MaskRtException graphs = assertThrows(MaskRtException.class, () -> QUICK.withGraphs(Set.of("denoise")));
        assertEquals(ExitCode.USAGE, graphs.code());
        assertTrue(graphs.getMessage().contains("received [denoise]"), graphs.getMessage());
        MaskRtException batch = assertThrows(MaskRtException.class, () -> QUICK.withBatch(0));
        assertEquals("batch: expected 'dynamic' or at least 1, received 0; choose one of these", batch.getMessage());
    }

    @Test
    void integersAreNotPromoted() {
        OnnxGraph graph = new OnnxGraph();
        OnnxOps ops = new OnnxOps(graph, GraphStyle.DEFAULT);
        OnnxValue x = graph.input("x", Shape.of(2), OnnxType.FLOAT);
        OnnxValue i = graph.input("i", Shape.of(2), OnnxType.INT64);
        assertMessage("expected FLOAT values, received INT64[2]; nothing is promoted", () -> ops.add(x, i));
    }

    private static void assertMessage(String message, Runnable call) {
        assertEquals(
                message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
    }

    private static Set<String> minus(Set<String> a, Set<String> b) {
        Set<String> rest = new HashSet<>(a);
        rest.removeAll(b);
        return rest;
    }
}

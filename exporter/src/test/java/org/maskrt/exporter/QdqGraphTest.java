package org.maskrt.exporter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.calibration.Calibration;
import org.maskrt.calibration.Calibrator;
import org.maskrt.calibration.ClippingMethod;
import org.maskrt.calibration.Format;
import org.maskrt.calibration.Network;
import org.maskrt.calibration.Observations;
import org.maskrt.calibration.Probe;
import org.maskrt.calibration.QuantisedPaths;
import org.maskrt.calibration.RangeOps;
import org.maskrt.calibration.Recipe;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.calibration.Statistics;
import org.maskrt.calibration.TimestepBins;
import org.maskrt.calibration.Trajectories;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/** Graphs of a table of scales: what is quantised, what it means, what ONNX Runtime makes of it, and the collector that taps a graph. */
@TestInstance(Lifecycle.PER_CLASS)
class QdqGraphTest {
    private static final Denoiser MODEL = new Mdt(new MdtConfig(2, 8, 2, 4, 48, 3, 2, 3, 3, 1, 0.3, true));
    private static final Weights WEIGHTS = Cases.random(WeightCheck.wanted(MODEL), 1);
    private static final TimestepBins BINS = TimestepBins.even(0, 1000, 2);

    private final Map<RangeOps.Scope, Observations> observed = new EnumMap<>(RangeOps.Scope.class);

    @TempDir
    Path recorded;

    private Path folder;

    @BeforeEach
    void useAnotherFolder(@TempDir Path another) {
        folder = another;
    }

    /** The reference interpreter. */
    private record Eager(RangeOps.Scope scope) implements Network {
        @Override
        public Tensor run(Rows rows, Probe<float[]> probe) {
            RangeOps<Tensor> ops = new RangeOps<>(
                    new ReferenceOps(), (path, x, channels) -> probe.see(path, x.values(), channels), scope);
            return MODEL.forward(ops, Params.of(WEIGHTS.source()), rows.sample(), rows.timestep(), rows.condition());
        }

        @Override
        public void close() {}
    }

    private static Observations observe(Network network, Path file) {
        Trajectories trajectories = new Trajectories(
                MODEL,
                NoiseSchedule.linear().respace(2),
                new Trajectories.Guided(new Guidance.Constant(2), GuidedChannels.ALL));
        Tensor label = Tensor.ofIndices(new long[] {1}, 1);
        Calibration calibration = new Calibration(
                trajectories,
                List.of(new Trajectories.Picture(8, label, null)),
                QuantisedPaths.LINEARS_AND_ATTENTIONS,
                new Observations(BINS, 64));
        return calibration.run(network, file, "a test", (done, total) -> {});
    }

    private ScaleTable table(Format format, RangeOps.Scope scope) {
        return table(format, scope, 1);
    }

    private ScaleTable table(Format format, RangeOps.Scope scope, int groups) {
        Recipe recipe = new Recipe(format, new ClippingMethod.MeanSquaredError(), groups, true, true);
        String sha = OnnxExporter.sha256(WEIGHTS, fraction -> {});
        org.maskrt.calibration.Provenance provenance =
                new org.maskrt.calibration.Provenance("Mdt", sha, "test", Map.of());
        Observations observations =
                observed.computeIfAbsent(scope, s -> observe(new Eager(s), recorded.resolve(s.name())));
        return new Calibrator(recipe, observations).table(provenance, WEIGHTS, (done, total) -> {});
    }

    private List<ExportReport> export(GraphStyle style, String... graphs) {
        return Cases.export(
                ExportOptions.of(style).withGraphs(Set.of(graphs)),
                EagerJudge.reference(),
                MODEL,
                WEIGHTS,
                folder.resolve("onnx"));
    }

    private GraphProto graph(String name) {
        return OnnxFile.read(folder.resolve("onnx").resolve(name).resolve(OnnxFile.MODEL))
                .getGraph();
    }

    private static Set<String> layers(GraphProto graph, String type) {
        Set<String> layers = new TreeSet<>();
        for (NodeProto node : graph.getNodeList()) {
            if (node.getOpType().equals(type)) {
                layers.add(node.getName().substring(0, node.getName().indexOf('/')));
            }
        }
        return layers;
    }

    @ParameterizedTest
    @EnumSource(Format.class)
    void theLinearsOfTheTableAreQuantisedAndNothingElse(Format format) throws IOException {
        ScaleTable all = table(format, RangeOps.Scope.LINEARS);
        ScaleTable table = all.keeping(Map.of("en_inblocks.0.mlp.fc2", "a test"));
        List<ExportReport> reports =
                export(GraphStyle.DEFAULT.with(Attention.ORT_MHA).withScales(table), "conditioner", "denoiser");
        GraphProto graph = graph("denoiser");
        Set<String> expected = new TreeSet<>(all.linears().keySet());
        assertEquals(14, expected.size());
        expected.remove("en_inblocks.0.mlp.fc2");
        assertEquals(expected, layers(graph, "QuantizeLinear"));
        assertEquals(expected, layers(graph, "DequantizeLinear"));
        Map<String, TensorProto> initialisers = new HashMap<>();
        graph.getInitializerList().forEach(t -> initialisers.put(t.getName(), t));
        int type = format == Format.INT8 ? DataType.INT8.getNumber() : DataType.FLOAT8E4M3FN.getNumber();
        for (String layer : expected) {
            assertEquals(type, initialisers.get(layer + ".weight").getDataType(), layer);
        }
        assertEquals(
                DataType.FLOAT.getNumber(),
                initialisers.get("en_inblocks.0.mlp.fc2.weight").getDataType());
        for (ExportReport report : reports) {
            double limit = report.graph().equals("conditioner") ? 1e-5 : 0.02;
            assertTrue(report.worst().orElseThrow() <= limit, report.toString());
        }

        JsonNode report = JsonMapper.builder()
                .build()
                .readTree(folder.resolve("onnx/denoiser").resolve("export.json").toFile());
        Set<String> recorded = new TreeSet<>();
        report.path("quantization").path("layers").forEach(l -> recorded.add(l.asText()));
        assertEquals(expected, recorded);
        assertEquals(
                "a test",
                report.path("quantization")
                        .path("kept")
                        .path("en_inblocks.0.mlp.fc2")
                        .asText());
        OnnxExporter exporter = new OnnxExporter(
                ExportOptions.of(GraphStyle.DEFAULT.with(Attention.ORT_MHA)),
                EagerJudge.reference(),
                ExportListener.NONE);
        assertTrue(exporter.isCurrent(Set.of("conditioner"), WEIGHTS, folder.resolve("onnx")));
        assertFalse(exporter.isCurrent(Set.of("denoiser"), WEIGHTS, folder.resolve("onnx")));
    }

    /** Rows at timesteps of different groups, each with its own scales, as {@link org.maskrt.calibration.QuantisedOps} has it. */
    @ParameterizedTest
    @EnumSource(Format.class)
    void scalesMayDependOnTheTimestep(Format format) {
        ScaleTable table = table(format, RangeOps.Scope.LINEARS, 2);
        assertTrue(table.byTimestep());
        List<ExportReport> reports = export(
                GraphStyle.DEFAULT.with(Attention.ORT_MHA).withScales(table), "transformer", "denoiser", "guided_step");
        assertEquals(3, reports.size());
        for (ExportReport report : reports) {
            assertTrue(report.worst().orElseThrow() <= 0.02, report.toString());
            assertTrue(
                    graph(report.graph()).getInputList().stream()
                            .anyMatch(input -> input.getName().equals("timestep")),
                    report.toString());
        }
    }

    /** Quantised weights are products of bytes there, not of floats. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void onnxRuntimeMultipliesBytes(int groups) throws OrtException {
        ScaleTable table = table(Format.INT8, RangeOps.Scope.LINEARS, groups);
        export(GraphStyle.DEFAULT.with(Attention.ORT_MHA).withScales(table), "guided_step");
        Path optimised = folder.resolve("optimised.onnx");
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
            options.setOptimizedModelFilePath(optimised.toString());
            OrtEnvironment.getEnvironment()
                    .createSession(
                            folder.resolve("onnx/guided_step")
                                    .resolve(OnnxFile.MODEL)
                                    .toString(),
                            options)
                    .close();
        }
        Map<String, Integer> counts = new TreeMap<>();
        OnnxFile.read(optimised).getGraph().getNodeList().forEach(n -> counts.merge(n.getOpType(), 1, Integer::sum));
        assertEquals(14, counts.get("MatMulIntegerToFloat"), counts.toString());
        assertEquals(14, counts.get("QuantizeLinear"), counts.toString());
        assertFalse(counts.containsKey("DequantizeLinear"), counts.toString());
    }

    /** Factors of queries and values are in the scales; attention's operands are quantised in FP8 too. */
    @ParameterizedTest
    @EnumSource(
            value = Precision.class,
            names = {"FP32", "FP16", "BF16"})
    void tensorRtGetsBothFormats(Precision precision) {
        for (Format format : Format.values()) {
            RangeOps.Scope scope =
                    format == Format.INT8 ? RangeOps.Scope.LINEARS : RangeOps.Scope.LINEARS_AND_ATTENTIONS;
            ScaleTable table = table(format, scope);
            List<ExportReport> reports = export(GraphStyle.tensorrt(precision).withScales(table), "denoiser");
            assertEquals(1, reports.size());
            for (ExportReport report : reports) {
                double limit = precision == Precision.FP32 ? format == Format.INT8 ? 1e-5 : 2e-2 : 0.5;
                assertTrue(report.worst().orElseThrow() <= limit, report.toString());
            }
            GraphProto graph = graph("denoiser");
            Set<String> expected = new TreeSet<>(table.linears().keySet());
            if (format == Format.FP8_E4M3) {
                table.tensors().keySet().forEach(path -> expected.add(path.substring(0, path.lastIndexOf('.'))));
            }
            assertEquals(expected, layers(graph, "QuantizeLinear"));
        }
    }

    @Test
    void aTableOfOtherWeightsIsRefused() {
        ScaleTable table = table(Format.INT8, RangeOps.Scope.LINEARS);
        Weights others = Cases.random(WeightCheck.wanted(MODEL), 2);
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> Cases.export(
                        ExportOptions.of(GraphStyle.DEFAULT.withScales(table)).withGraphs(Set.of("denoiser")),
                        EagerJudge.reference(),
                        MODEL,
                        others,
                        folder.resolve("onnx")));
        assertEquals(ExitCode.USAGE, e.code());
        assertEquals(
                "random weights, seed 2: expected the weights that the table of scales was made of (SHA-256 "
                        + table.provenance().weightsSha256() + "), received others ("
                        + OnnxExporter.sha256(others, fraction -> {})
                        + "); make a table of these with 'maskrt calibrate'",
                e.getMessage());
        assertFalse(Files.exists(folder.resolve("onnx/denoiser")));
    }

    @Test
    void scalesByTimestepAreRefusedForTensorRt() {
        ScaleTable table = table(Format.INT8, RangeOps.Scope.LINEARS, 2);
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> ExportOptions.of(GraphStyle.tensorrt(Precision.FP16).withScales(table)));
        assertEquals(ExitCode.USAGE, e.code());
        assertEquals(
                "quantize: expected scales that hold for all timesteps for tensorrt, which wants constants, received those of"
                        + " 2 groups; make a table with --groups 1",
                e.getMessage());
    }

    @Test
    void bothQuantisationsAtOnceAreRefused() {
        ScaleTable table = table(Format.INT8, RangeOps.Scope.LINEARS);
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> ExportOptions.of(GraphStyle.DEFAULT.with(Precision.INT8).withScales(table)));
        assertEquals("quantize: expected int8 or a table of scales, received both; name one of them", e.getMessage());
    }

    /** Both see the same activations, and leave nothing behind. */
    @ParameterizedTest
    @EnumSource(RangeOps.Scope.class)
    void theTappedGraphSeesWhatTheEagerModelSees(RangeOps.Scope scope) throws IOException {
        Observations eager = observe(new Eager(scope), folder.resolve("eager"));
        Observations tapped;
        Path place = folder.resolve("place");
        Files.createDirectories(place);
        Files.writeString(place.resolve(OnnxFile.MODEL), "what a killed process left");
        try (TransformerNetwork network =
                TransformerNetwork.tapped(MODEL, WEIGHTS, QuantisedPaths.LINEARS_AND_ATTENTIONS, scope, place)) {
            tapped = observe(network, folder.resolve("tapped"));
        }
        assertEquals(eager.paths(), tapped.paths());
        for (String path : eager.paths()) {
            for (int bin = 0; bin < BINS.count(); bin++) {
                Statistics expected = eager.over(path, bin, bin + 1);
                Statistics got = tapped.over(path, bin, bin + 1);
                assertEquals(expected.rows(), got.rows(), path);
                float limit = 1e-5f * Math.max(expected.max(), -expected.min());
                for (int c = 0; c < expected.channels(); c++) {
                    assertEquals(expected.channelMax()[c], got.channelMax()[c], limit, path + " channel " + c);
                    assertEquals(expected.channelMean()[c], got.channelMean()[c], limit, path + " channel " + c);
                }
            }
        }
        assertFalse(Files.exists(place));
    }
}

package org.maskrt.exporter;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.exporter.ExportOptions.Validation;
import org.maskrt.exporter.GraphStyle.Bias;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.exporter.graphs.ModelGraphs.ImageEncoder;
import org.maskrt.models.Denoiser;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/**
 * The graphs for TensorRT against the reference interpreter and against those for ONNX Runtime. 16-bit ones run in fp32 with every result rounded
 * to its type ({@link ValidationSession#openRounded}), because ONNX Runtime's CPU provider multiplies no bf16 matrices and rounds fewer fp16
 * results than a GPU does.
 */
class TensorRtParityTest {
    private static final long SEED = 97;
    private static final int BATCH = 2;
    private static final int STEPS = 5;

    @TempDir
    Path folder;

    private static Weights weights(Denoiser model) {
        return Cases.random(WeightCheck.wanted(model), SEED);
    }

    static Stream<Arguments> forms() {
        return TensorRtModels.all()
                .flatMap(family -> TensorRtModels.PRECISIONS.stream()
                        .flatMap(precision -> Stream.of(Bias.values())
                                .filter(bias -> family.biased || bias == Bias.CONSTANT)
                                .map(bias -> Arguments.of(family, precision, bias))));
    }

    @ParameterizedTest
    @MethodSource("forms")
    void everyGraphEqualsTheReference(TensorRtModels family, Precision precision, Bias bias) throws IOException {
        GraphStyle style = GraphStyle.tensorrt(precision).with(bias);
        ExportOptions options = ExportOptions.of(style).withGuided(family.model.guidedChannels());
        Set<String> graphs = bias == Bias.CONSTANT ? Set.copyOf(ExportOptions.GRAPHS) : Set.of("half_step");
        List<ExportReport> reports = Cases.export(
                options.withGraphs(graphs), EagerJudge.reference(), family.model, weights(family.model), folder);
        double limit = limit(precision);
        for (ExportReport report : reports) {
            assertTrue(
                    report.worst().orElseThrow() <= limit,
                    family + " " + report.graph() + " " + style + " " + report.reached() + ", weights' seed " + SEED);
            JsonNode json = new ObjectMapper()
                    .readTree(report.folder().resolve(OnnxExporter.REPORT).toFile());
            assertEquals("tensorrt", json.get("target").asText());
            assertEquals(precision.toString(), json.get("dtype").asText());
            assertEquals(bias.toString(), json.get("bias").asText());
            assertEquals("decomposed", json.get("attention").asText());
            assertEquals(limit, json.at("/tolerance/limit").asDouble());
            assertEquals(
                    precision == Precision.FP32, json.at("/tolerance/computed").isMissingNode());
        }
        if (bias == Bias.CONSTANT) {
            Set<String> wanted =
                    new HashSet<>(Set.of("transformer", "conditioner", "denoiser", "guided_step", "half_step"));
            if (family.biased) {
                wanted.add("inpaint");
            }
            if (family == TensorRtModels.EMD3C) {
                wanted.add("ccnet");
            }
            assertEquals(wanted, reports.stream().map(ExportReport::graph).collect(Collectors.toSet()));
        }
        try (Stream<Path> files = Files.walk(folder)) {
            assertEquals(3L * reports.size(), files.filter(Files::isRegularFile).count(), "nothing else stays");
        }
    }

    private static double limit(Precision precision) {
        return switch (precision) {
            case FP32 -> 1e-5;
            case FP16 -> 3e-3;
            case BF16 -> 1e-2;
            case INT8 -> throw new AssertionError("TensorRT takes no int8");
        };
    }

    @ParameterizedTest
    @EnumSource(
            value = TensorRtModels.class,
            names = {"MDT_V2", "EMD3C"})
    void theBatchCanBeFixed(TensorRtModels family) {
        ExportOptions options = ExportOptions.of(GraphStyle.tensorrt(Precision.FP32))
                .withGraphs(Set.of("guided_step", "half_step"))
                .withBatch(BATCH);
        for (ExportReport report :
                Cases.export(options, EagerJudge.reference(), family.model, weights(family.model), folder)) {
            assertTrue(report.worst().orElseThrow() <= 1e-5, report::toString);
            OnnxFile.read(report.folder().resolve(OnnxFile.MODEL)).getGraph().getInputList().stream()
                    .filter(input -> Set.of("rows", "sample").contains(input.getName()))
                    .forEach(input -> assertEquals(
                            BATCH,
                            input.getType().getTensorType().getShape().getDim(0).getDimValue(),
                            input.getName()));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dinov2", "dinov2_swiglu"})
    void imageEncodersEqualTheReference(String name) {
        Path recorded = Path.of("../models/src/test/resources/reference").resolve(name);
        try (org.maskrt.models.reference.ReferenceCase c = org.maskrt.models.reference.ReferenceCase.open(recorded)) {
            DinoV2 model = c.model(DinoV2.class);
            ImageEncoder graph =
                    new ImageEncoder(model, "image_encoder", 2 * model.config().patchSize());
            for (Precision precision : TensorRtModels.PRECISIONS) {
                ExportOptions options = ExportOptions.of(GraphStyle.tensorrt(precision));
                List<ExportReport> reports = new OnnxExporter(options, EagerJudge.reference(), ExportListener.NONE)
                        .export(graph, c.weights(), folder);
                assertTrue(reports.get(0).worst().orElseThrow() <= limit(precision), precision + " " + reports.get(0));
            }
        }
    }

    /** Five steps fed back as a device does it, against the loop on the host with the graphs for ONNX Runtime. */
    @ParameterizedTest
    @EnumSource(TensorRtModels.class)
    void guidedStepsFollowTheLoopOnTheHost(TensorRtModels family) {
        Loop loop = new Loop(family);
        List<Map<String, Tensor>> expected = loop.onHost(true);
        assertTrajectory(expected, loop.onDevice("guided_step", Precision.FP32), 1e-5);
        assertTrajectory(expected, loop.onDevice("guided_step", Precision.FP16), 3e-3);
        assertTrajectory(expected, loop.onDevice("guided_step", Precision.BF16), 1e-2);
    }

    @ParameterizedTest
    @EnumSource(TensorRtModels.class)
    void halfStepsFollowTheLoopOnTheHost(TensorRtModels family) {
        Loop loop = new Loop(family);
        List<Map<String, Tensor>> expected = loop.onHost(false);
        assertTrajectory(expected, loop.onDevice("half_step", Precision.FP32), 1e-5);
        assertTrajectory(expected, loop.onDevice("half_step", Precision.BF16), 1e-2);
    }

    private static void assertTrajectory(
            List<Map<String, Tensor>> expected, List<Map<String, Tensor>> actual, double limit) {
        for (int step = 0; step < STEPS; step++) {
            for (String output : List.of("eps", "next_sample")) {
                double difference = OnnxExporter.relative(
                        expected.get(step).get(output), actual.get(step).get(output));
                assertTrue(
                        difference <= limit,
                        output + " of step " + step + ": max|diff|/max|expected| " + difference + ", seed " + SEED);
            }
        }
    }

    /** A generation's tables, and both ways to walk through them. */
    private final class Loop {
        private final TensorRtModels family;
        private final Weights weights;
        private final Random random = new Random(SEED);
        private final Tensor first;
        private final Tensor noise;
        private final Tensor guidance;
        private final Tensor coefficients;
        private final Map<String, Tensor> hint = new HashMap<>();
        private final Tensor condition;
        private final Tensor unconditional;
        private final Tensor timesteps = Tensor.of(new float[] {900, 700, 500, 300, 100}, STEPS);

        Loop(TensorRtModels family) {
            this.family = family;
            Denoiser model = family.model;
            weights = weights(model);
            int c = model.inChannels();
            int side = model.inputSize();
            first = normal(1, BATCH, c, side, side);
            noise = normal(1, STEPS * BATCH, c, side, side);
            guidance = normal(1, STEPS * BATCH);
            coefficients = normal(0.4, STEPS * BATCH, 4);
            if (model.hintChannels() > 0) {
                hint.put("hint", normal(1, BATCH, model.hintChannels(), side, side));
            }
            boolean classes = model.conditionWidth() == 0;
            condition = classes ? Tensor.ofIndices(new long[] {1, 3}, BATCH) : normal(1, BATCH, model.conditionWidth());
            unconditional = classes
                    ? Tensor.ofIndices(new long[] {model.numClasses()}, 1)
                    : Tensor.zeros(1, model.conditionWidth());
        }

        private Tensor normal(double std, int... dims) {
            Tensor t = Tensor.zeros(dims);
            for (int i = 0; i < t.size(); i++) {
                t.values()[i] = (float) (std * random.nextGaussian());
            }
            return t;
        }

        private Path export(GraphStyle style, String... graphs) {
            Path onnx = folder.resolve(style.target() + "-" + style.precision());
            ExportOptions options = ExportOptions.of(style)
                    .withGraphs(Set.of(graphs))
                    .withGuided(family.model.guidedChannels())
                    .withValidation(Validation.off());
            Cases.export(options, EagerJudge.reference(), family.model, weights, onnx);
            return onnx;
        }

        /** modulation [S,B,K] of the conditions given. */
        private Tensor modulation(Path onnx, Tensor conditions) {
            String name = conditions.isIndices() ? "class_labels" : "condition";
            try (ValidationSession session = ValidationSession.openRounded(onnx.resolve("conditioner/model.onnx"))) {
                return session.run(Map.of("timesteps", timesteps, name, conditions))
                        .get("modulation");
            }
        }

        List<Map<String, Tensor>> onHost(boolean guided) {
            Path onnx = export(GraphStyle.DEFAULT, "conditioner", guided ? "guided_step" : "denoiser");
            int k = family.model.modulationSize();
            Tensor table = modulation(onnx, condition).reshape(STEPS * BATCH, k);
            Tensor uncond = modulation(onnx, unconditional).reshape(STEPS, k);
            String graph = guided ? "guided_step" : "denoiser";
            List<Map<String, Tensor>> steps = new ArrayList<>();
            Tensor sample = first;
            Tensor previous = Tensor.zeros(first.shape().dims());
            try (ValidationSession session =
                    ValidationSession.open(onnx.resolve(graph).resolve(OnnxFile.MODEL))) {
                for (int s = 0; s < STEPS; s++) {
                    Map<String, Tensor> in = new LinkedHashMap<>(hint);
                    in.put("sample", sample);
                    in.put("modulation", table.rows(s * BATCH, (s + 1) * BATCH));
                    Tensor factors = coefficients.rows(s * BATCH, (s + 1) * BATCH);
                    Tensor z = noise.rows(s * BATCH, (s + 1) * BATCH);
                    Map<String, Tensor> out;
                    if (guided) {
                        float[] twice = Arrays.copyOf(uncond.rows(s, s + 1).values(), 2 * k);
                        System.arraycopy(twice, 0, twice, k, k);
                        in.put("modulation_uncond", Tensor.of(twice, BATCH, k));
                        in.put("guidance", guidance.rows(s * BATCH, (s + 1) * BATCH));
                        in.put("coefficients", factors);
                        in.put("eps_prev", previous);
                        in.put("noise", z);
                        out = session.run(in);
                    } else {
                        out = half(session.run(in).get("out_sample"), sample, previous, factors, z);
                    }
                    steps.add(out);
                    sample = out.get("next_sample");
                    previous = out.get("eps");
                }
            }
            return steps;
        }

        private Map<String, Tensor> half(Tensor out, Tensor sample, Tensor previous, Tensor factors, Tensor z) {
            Tensor eps = Tensor.zeros(sample.shape().dims());
            Tensor next = Tensor.zeros(sample.shape().dims());
            int size = sample.size() / BATCH;
            for (int b = 0; b < BATCH; b++) {
                for (int i = 0; i < size; i++) {
                    int at = b * size + i;
                    eps.values()[at] = out.values()[b * (out.size() / BATCH) + i];
                    next.values()[at] = factors.values()[4 * b] * sample.values()[at]
                            + factors.values()[4 * b + 1] * eps.values()[at]
                            + factors.values()[4 * b + 2] * previous.values()[at]
                            + factors.values()[4 * b + 3] * z.values()[at];
                }
            }
            return Map.of("eps", eps, "next_sample", next);
        }

        List<Map<String, Tensor>> onDevice(String graph, Precision precision) {
            Path onnx = export(GraphStyle.tensorrt(precision), "conditioner", graph);
            int k = family.model.modulationSize();
            boolean guided = graph.equals("guided_step");
            Map<String, Tensor> in = new LinkedHashMap<>(hint);
            in.put("sample", first);
            in.put("eps_prev", Tensor.zeros(first.shape().dims()));
            in.put("modulation", modulation(onnx, condition).reshape(STEPS * BATCH, k));
            in.put("coefficients", coefficients);
            in.put("noise", noise);
            if (guided) {
                in.put("modulation_uncond", modulation(onnx, unconditional).reshape(STEPS, k));
                in.put("guidance", guidance);
                in.put("rows", Tensor.ofIndices(new long[] {0, 0, 0, 1, 0, 1}, BATCH, 3));
                in.put("advance", Tensor.ofIndices(new long[] {BATCH, 1, BATCH, BATCH, 1, BATCH}, BATCH, 3));
            } else {
                in.put("rows", Tensor.ofIndices(new long[] {0, 0, 1, 1}, BATCH, 2));
                in.put("advance", Tensor.ofIndices(new long[] {BATCH, BATCH, BATCH, BATCH}, BATCH, 2));
            }
            List<Map<String, Tensor>> steps = new ArrayList<>();
            try (ValidationSession session =
                    ValidationSession.openRounded(onnx.resolve(graph).resolve(OnnxFile.MODEL))) {
                for (int s = 0; s < STEPS; s++) {
                    Map<String, Tensor> out = session.run(in);
                    steps.add(out);
                    in.put("sample", out.get("next_sample"));
                    in.put("eps_prev", out.get("eps"));
                    in.put("rows", out.get("next_rows"));
                }
            }
            int width = guided ? 3 : 2;
            assertEquals(Shape.of(BATCH, width), in.get("rows").shape());
            assertEquals(
                    STEPS * BATCH + 1, in.get("rows").indices()[width], "the second sample's row after the last step");
            return steps;
        }
    }

    /** The 1 of the scales in the bias gives the same modulation as the graph for ONNX Runtime. */
    @ParameterizedTest
    @EnumSource(TensorRtModels.class)
    void bothConditionersGiveOneModulation(TensorRtModels family) {
        Loop loop = new Loop(family);
        Tensor cpu = loop.modulation(loop.export(GraphStyle.DEFAULT, "conditioner"), loop.condition);
        Tensor gpu = loop.modulation(loop.export(GraphStyle.tensorrt(Precision.BF16), "conditioner"), loop.condition);
        assertArrayEquals(cpu.values(), gpu.values());
    }

    /** What the comparison of 16-bit graphs rests on. */
    @Test
    void everyResultIsRounded() {
        float third = 1 / 3f;
        for (Precision precision : List.of(Precision.FP16, Precision.BF16)) {
            OnnxGraph graph = new OnnxGraph();
            OnnxOps ops = new OnnxOps(graph, GraphStyle.tensorrt(precision));
            OnnxValue x = graph.input("x", Shape.of(1, 3, 2), OnnxType.FLOAT);
            Map<String, Tensor> weights = Map.of(
                    "mlp.weight", Tensor.of(new float[] {third, 1, -third, 3}, 2, 2),
                    "mlp.bias", Tensor.of(new float[] {0.1f, 100}, 2));
            OnnxValue y = ops.linear(ops.params(Weights.of("weights", weights)).at("mlp"), x, 2, 2);
            ops.output("y", y);
            OnnxFile.write(folder, graph, Map.of(), fraction -> {});
            float[] in = {third, 2, 1.2345f, -7, 1e-3f, 0.5f};
            float[] expected = new float[6];
            for (int row = 0; row < 3; row++) {
                for (int column = 0; column < 2; column++) {
                    float a = round(precision, in[2 * row])
                            * round(precision, weights.get("mlp.weight").values()[2 * column]);
                    float b = round(precision, in[2 * row + 1])
                            * round(precision, weights.get("mlp.weight").values()[2 * column + 1]);
                    float shift = round(precision, weights.get("mlp.bias").values()[column]);
                    expected[2 * row + column] = round(precision, round(precision, a + b) + shift);
                }
            }
            try (ValidationSession session = ValidationSession.openRounded(folder.resolve(OnnxFile.MODEL))) {
                assertArrayEquals(
                        expected,
                        session.run(Map.of("x", Tensor.of(in, 1, 3, 2)))
                                .get("y")
                                .values(),
                        precision.toString());
            }
        }
    }

    private static float round(Precision precision, float value) {
        return precision == Precision.FP16
                ? DType.halfToFloat(DType.floatToHalf(value))
                : DType.bfloat16ToFloat(DType.floatToBfloat16(value));
    }

    @Test
    void anExportForTheOtherRuntimeIsNotCurrent() {
        Denoiser model = TensorRtModels.DIT.model;
        Weights weights = weights(model);
        Set<String> graphs = Set.of("denoiser");
        ExportOptions bf16 = ExportOptions.of(GraphStyle.tensorrt(Precision.BF16))
                .withGraphs(graphs)
                .withValidation(Validation.off());
        Cases.export(bf16, EagerJudge.reference(), model, weights, folder);
        Map<String, GraphStyle> styles = Map.of(
                "the same", bf16.style(),
                "another type", GraphStyle.tensorrt(Precision.FP16),
                "another bias", bf16.style().with(Bias.GATHER),
                "another target", GraphStyle.DEFAULT);
        styles.forEach((what, style) -> assertEquals(
                what.equals("the same"),
                new OnnxExporter(bf16.withStyle(style), EagerJudge.reference(), ExportListener.NONE)
                        .isCurrent(graphs, weights, folder),
                what));
        assertNotEquals(
                GraphStyle.Target.TENSORRT.folder(), GraphStyle.Target.ONNXRUNTIME.folder(), "the two do not mix");
    }
}

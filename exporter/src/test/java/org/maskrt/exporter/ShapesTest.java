package org.maskrt.exporter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/** Sizes and options that the recorded cases lack, against the reference interpreter. */
class ShapesTest {
    private static final long SEED = 71;

    @TempDir
    Path onnx;

    static Stream<Arguments> models() {
        return Stream.of(
                Arguments.of(new Dit(new DitConfig(8, 4, 4, 144, 3, 2, 4, 17, true)), 1),
                Arguments.of(new Dit(new DitConfig(4, 2, 3, 48, 1, 3, 2, 2, false)), 5),
                Arguments.of(new Mdt(new MdtConfig(1, 4, 2, 4, 144, 3, 2, 4, 17, 1, 0.3, true)), 5),
                Arguments.of(new Mdt(new MdtConfig(2, 8, 2, 4, 72, 5, 1, 4, 17, 1, 0.3, true)), 1),
                Arguments.of(new Mdt(new MdtConfig(2, 4, 2, 8, 48, 7, 2, 3, 3, 3, 0.3, true)), -1));
    }

    @ParameterizedTest
    @MethodSource("models")
    void everyGraphEqualsTheReference(Denoiser model, int batch) {
        Weights weights = Cases.random(WeightCheck.wanted(model), SEED);
        EagerJudge judge = once(EagerJudge.reference());
        for (Attention attention : Attention.values()) {
            ExportOptions all = ExportOptions.DEFAULT.withBatch(batch);
            ExportOptions single = all.withStyle(GraphStyle.DEFAULT.with(attention));
            ExportOptions half =
                    all.withStyle(GraphStyle.DEFAULT.with(attention).with(Precision.FP16));
            Set<String> guided = Set.of("guided_step");
            check(attention == Attention.DECOMPOSED ? single : single.withGraphs(guided), judge, model, weights, 1e-5);
            check(half.withGraphs(guided), judge, model, weights, 5e-3);
        }
    }

    private void check(ExportOptions options, EagerJudge judge, Denoiser model, Weights weights, double limit) {
        List<ExportReport> reports = Cases.export(options, judge, model, weights, onnx);
        assertEquals(options.graphs().size() == 1 ? 1 : 4, reports.size());
        reports.forEach(r -> assertTrue(
                r.worst().orElseThrow() <= limit,
                r.graph() + " " + options.style() + " " + r.reached() + ", weights' seed " + SEED));
    }

    /** The reference is slow, and the same for every form of a graph. */
    private static EagerJudge once(EagerJudge judge) {
        Map<String, Map<String, Tensor>> known = new HashMap<>();
        return (graph, weights, inputs) ->
                known.computeIfAbsent(graph.name(), name -> judge.run(graph, weights, inputs));
    }

    @Test
    void allChannelsCanBeGuided() throws IOException {
        Denoiser model = new Mdt(new MdtConfig(2, 4, 2, 5, 48, 3, 2, 3, 3, 1, 0.3, true));
        Weights weights = Cases.random(WeightCheck.wanted(model), SEED);
        ExportOptions options =
                ExportOptions.DEFAULT.withGraphs(Set.of("guided_step")).withGuided(GuidedChannels.ALL);
        ExportReport report = Cases.export(options, EagerJudge.reference(), model, weights, onnx)
                .get(0);

        assertEquals(Set.of("next_sample", "eps"), report.reached().keySet());
        JsonNode json = new ObjectMapper()
                .readTree(report.folder().resolve(OnnxExporter.REPORT).toFile());
        assertEquals("all", json.get("guided_channels").asText());
        assertEquals("dynamic", json.get("batch").asText());
        assertEquals(20, json.get("opset").asInt());
        assertEquals("fp32", json.get("dtype").asText());
        assertEquals("decomposed", json.get("attention").asText());
        assertEquals(report.weightsSha256(), json.get("weights_sha256").asText());
        assertEquals(64, report.weightsSha256().length());
        assertEquals(1e-5, json.at("/tolerance/limit").asDouble());
        assertEquals(
                report.reached().get("eps"), json.at("/tolerance/reached/eps").asDouble());
    }

    static Stream<Arguments> autoencoders() {
        return Stream.of(
                Arguments.of(new AutoencoderKlConfig(3, 4, List.of(8, 16), 1, 4, 1, 16), 2),
                Arguments.of(new AutoencoderKlConfig(3, 3, List.of(8, 8, 16, 16), 2, 8, 0.18215, 16), 1),
                Arguments.of(new AutoencoderKlConfig(3, 2, List.of(6), 1, 3, 1, 8), -1));
    }

    @ParameterizedTest
    @MethodSource("autoencoders")
    void autoencodersEqualTheReference(AutoencoderKlConfig config, int batch) {
        AutoencoderKl vae = new AutoencoderKl(config);
        Weights weights = Cases.random(WeightCheck.wanted(vae), SEED);
        EagerJudge judge = once(EagerJudge.reference());
        for (Attention attention : Attention.values()) {
            ExportOptions options =
                    ExportOptions.DEFAULT.withBatch(batch).withStyle(GraphStyle.DEFAULT.with(attention));
            List<ExportReport> reports = export(options, judge, vae, weights);
            assertEquals(
                    List.of("vae_encoder", "vae_decoder"),
                    reports.stream().map(ExportReport::graph).toList());
            reports.forEach(r -> assertTrue(
                    r.worst().orElseThrow() <= 1e-5, r.graph() + " " + r.reached() + ", weights' seed " + SEED));
        }
    }

    @Test
    void autoencodersStayInFp32() throws IOException {
        AutoencoderKlConfig config = new AutoencoderKlConfig(3, 2, List.of(6), 1, 3, 1, 8);
        Weights weights = Cases.random(WeightCheck.wanted(new AutoencoderKl(config)), SEED);
        ExportOptions options = ExportOptions.DEFAULT.withStyle(GraphStyle.DEFAULT.with(Precision.FP16));
        for (ExportReport report : export(options, EagerJudge.reference(), new AutoencoderKl(config), weights)) {
            JsonNode json = new ObjectMapper()
                    .readTree(report.folder().resolve(OnnxExporter.REPORT).toFile());
            assertEquals("fp32", json.get("dtype").asText());
            assertTrue(report.worst().orElseThrow() <= 1e-5, report.toString());
        }
    }

    private List<ExportReport> export(ExportOptions options, EagerJudge judge, AutoencoderKl vae, Weights weights) {
        return new OnnxExporter(options, judge, ExportListener.NONE)
                .export(vae, vae.config().sampleSize(), weights, onnx);
    }
}

package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.cli.Main;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.models.reference.ReferenceCase;

/** {@code maskrt export --target tensorrt}, compared with the eager model on PyTorch. */
class TensorRtExportTest {
    private static final Path CASE = Path.of("../models/src/test/resources/reference/emd3c");

    @TempDir
    private Path folder;

    private static String run(int exit, String... args) {
        StringWriter out = new StringWriter();
        int received = Main.run(new PrintWriter(out, true), new PrintWriter(out, true), args);
        assertEquals(exit, received, out::toString);
        return out.toString();
    }

    private static JsonNode report(Path onnx, String graph) throws IOException {
        return new ObjectMapper()
                .readTree(onnx.resolve(graph).resolve("export.json").toFile());
    }

    @Test
    void theGraphsOfAnEngineLieBesideThoseOfOnnxRuntime() throws IOException {
        Path model;
        try (ReferenceCase c = ReferenceCase.open(CASE)) {
            model = SampledModel.write(folder.resolve("model"), c.model(), c.weights());
        }
        String out = run(0, "export", model.toString(), "--target", "tensorrt", "--quiet");
        Path onnx = model.resolve("onnx-tensorrt");
        for (String graph : List.of("conditioner", "denoiser", "guided_step", "half_step", "ccnet")) {
            assertTrue(out.contains(onnx.resolve(graph) + "  equal to the eager model within"), out);
            JsonNode json = report(onnx, graph);
            assertEquals("tensorrt", json.get("target").asText());
            assertEquals("bf16", json.get("dtype").asText());
            assertEquals("constant", json.get("bias").asText());
            assertTrue(json.at("/tolerance/computed").asText().contains("rounded"), json::toString);
        }
        assertEquals("all", report(onnx, "guided_step").get("guided_channels").asText());
        assertEquals(
                0, report(onnx, "half_step").at("/tolerance/reached/next_rows").asDouble());
        assertFalse(Files.exists(onnx.resolve("transformer")), "for other tools, where it is named");
        assertFalse(Files.exists(model.resolve("onnx")));
    }

    @Test
    void formsAreChosen() throws IOException {
        Path model = SampledModel.export(
                folder.resolve("model"), ExportOptions.DEFAULT.withGraphs(Set.of("conditioner", "vae_decoder")));
        run(
                0,
                "export",
                model.toString(),
                "--target=tensorrt",
                "--dtype=fp16",
                "--bias=gather",
                "--graphs=guided_step,inpaint,vae_decoder",
                "--quiet");
        Path onnx = model.resolve("onnx-tensorrt");
        assertEquals("fp16", report(onnx, "guided_step").get("dtype").asText());
        assertEquals("gather", report(onnx, "inpaint").get("bias").asText());
        assertEquals("fp32", report(onnx, "vae_decoder").get("dtype").asText());
        assertEquals(
                "onnxruntime",
                report(model.resolve("onnx"), "vae_decoder").get("target").asText());
    }

    @Test
    void formsThatTheTargetCannotRunAreRefused() {
        Path model =
                SampledModel.export(folder.resolve("model"), ExportOptions.DEFAULT.withGraphs(Set.of("conditioner")));
        fails(model, "expected fp32 or fp16 for onnxruntime, received bf16", "--dtype", "bf16");
        fails(model, "expected decomposed for tensorrt, received ort-mha", "--target=tensorrt", "--attention=ort-mha");
        fails(model, "--target: expected one of [onnxruntime, tensorrt], got 'ort'", "--target", "ort");
        fails(model, "--bias: expected one of [constant, gather], got 'table'", "--bias", "table");
        fails(
                model,
                model + ": expected parts for some of the graphs [half_step] of the target onnxruntime, received none",
                "--graphs",
                "half_step");
    }

    private static void fails(Path model, String message, String... options) {
        String[] args = new String[options.length + 3];
        args[0] = "export";
        args[1] = model.toString();
        args[2] = "--quiet";
        System.arraycopy(options, 0, args, 3, options.length);
        String out = run(2, args);
        assertTrue(out.contains(message), out);
        assertEquals(1, out.strip().lines().count(), out);
    }
}

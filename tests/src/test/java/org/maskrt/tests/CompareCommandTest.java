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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.cli.Main;
import org.maskrt.exporter.EagerJudge;
import org.maskrt.exporter.ExportListener;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.OnnxExporter;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.ScheduleConfig;
import org.maskrt.models.weights.Weights;

class CompareCommandTest {
    private static final Set<String> GRAPHS = Set.of("conditioner", "guided_step", "denoiser", "vae_decoder");
    private static final String CHANGED = "en_outblocks.0.mlp.fc1";

    @TempDir
    static Path folder;

    private static Path model;
    private static Path perturbed;
    private static int runs;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeAll
    static void write() {
        model = SampledModel.export(folder.resolve("model"), ExportOptions.DEFAULT.withGraphs(GRAPHS));
        perturbed = folder.resolve("perturbed");
        try (ModelFolder files = ModelFolder.open(model)) {
            ModelFolder.Contents contents = new ModelFolder.Contents(
                    files.denoiser(), perturbed(files.transformerWeights()), ScheduleConfig.linear(), Map.of());
            ModelFolder.write(perturbed, contents, files.autoencoder(), files.vaeWeights(), DType.F32);
        }
    }

    /** One layer a tenth larger. */
    private static Weights perturbed(Weights weights) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (String key : weights.keys()) {
            Tensor tensor = weights.tensor(key);
            float[] values = tensor.values().clone();
            for (int i = 0; i < values.length && key.equals(CHANGED + ".weight"); i++) {
                values[i] *= 1.1f;
            }
            tensors.put(key, Tensor.of(values, tensor.shape()));
        }
        return Weights.of("perturbed", tensors);
    }

    private int compare(String... arguments) {
        List<String> all = new ArrayList<>(List.of("compare", "--steps", "3", "-q"));
        all.addAll(List.of(arguments));
        Map.of("--pictures", "4", "--max-batch", "2", "--path-steps", "2").forEach((option, value) -> {
            if (!all.contains(option)) {
                all.addAll(List.of(option, value));
            }
        });
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Main.run(new PrintWriter(out), new PrintWriter(err), all.toArray(new String[0]));
    }

    private JsonNode result(String... arguments) throws IOException {
        Path results = folder.resolve("results" + runs++);
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("-o", results.toString()));
        assertEquals(0, compare(all.toArray(new String[0])), err::toString);
        assertTrue(Files.readString(results.resolve("report.html")).contains("data:image/png;base64,"));
        return new ObjectMapper().readTree(results.resolve("results.json").toFile());
    }

    @Test
    void equalVariants() throws IOException {
        for (String variant : List.of(model.toString(), model + ":eager")) {
            JsonNode result = result(variant, variant);
            assertEquals("Infinity", result.path("mean_psnr").asText());
            assertEquals("Infinity", result.path("least_drift").asText());
            assertTrue(result.path("paths").path("first").isNull(), result::toString);
            result.path("paths")
                    .path("rows")
                    .forEach(row -> assertEquals("Infinity", row.path("snr").asText(), row::toString));
            assertEquals(3, result.path("steps").size());
            assertEquals(1, result.path("mean_ssim").asDouble(), 1e-12);
            assertTrue(out.toString().contains("no path departs by more than 40.0 dB"), out::toString);
        }
    }

    /** Every layer of the one is found in the other, in the same order. */
    @ParameterizedTest
    @CsvSource({"fp32, 90", "'fp32,decomposed', 90", "fp16, 45", "int8, 15"})
    void graphsAgainstTheEagerModel(String words, double least) throws IOException {
        JsonNode result = result(model + ":eager", model + ":" + words);
        List<String> paths = new ArrayList<>();
        for (JsonNode row : result.path("paths").path("rows")) {
            paths.add(row.path("path").asText());
            double snr = row.path("snr").asDouble();
            assertTrue(snr >= least, row::toString);
            boolean denoiser = row.path("graph").asText().equals("denoiser");
            assertEquals(denoiser, row.path("worst_step").asInt() > 0, row::toString);
        }
        assertEquals("t_embedder.mlp.0", paths.get(0));
        assertTrue(
                paths.containsAll(List.of("x_embedder.proj", CHANGED, "final_layer.linear", "out_sample")),
                paths::toString);
        assertTrue(paths.indexOf("en_inblocks.0.attn.qkv") + 1 == paths.indexOf("en_inblocks.0.attn"), paths::toString);
        assertTrue(paths.indexOf("sideblocks.0.attn.qkv") < 0 && paths.size() > 25, paths::toString);
        double psnr = result.path("mean_psnr").asDouble();
        assertTrue(psnr >= least - 10, result.path("mean_psnr")::toString);
        for (JsonNode step : result.path("steps")) {
            assertTrue(step.path("local").asDouble() >= least, step::toString);
        }
    }

    @ParameterizedTest
    @CsvSource({"eager, eager", "fp32, fp32", "fp32, eager"})
    void thePerturbedLayerIsNamed(String a, String b) throws IOException {
        JsonNode result = result(model + ":" + a, perturbed + ":" + b, "--departs", "60");
        JsonNode first = result.path("paths").path("first");
        assertEquals(CHANGED, first.path("path").asText());
        assertEquals("denoiser", first.path("graph").asText());
        assertTrue(first.path("snr").asDouble() < 35, first::toString);
        assertTrue(out.toString().contains("denoiser " + CHANGED + " departs first, at "), out::toString);
        assertFalse(result.path("least_drift").asText().equals("Infinity"));
    }

    /** An export elsewhere without an autoencoder, and one within the model folder. */
    @Test
    void foldersOfGraphs() throws IOException {
        ExportOptions options = ExportOptions.DEFAULT
                .withStyle(GraphStyle.DEFAULT.with(GraphStyle.Precision.FP16))
                .withGraphs(Set.of("conditioner", "guided_step", "denoiser"))
                .withValidation(ExportOptions.Validation.off());
        Path elsewhere = folder.resolve("elsewhere");
        try (ModelFolder files = ModelFolder.open(model)) {
            OnnxExporter exporter = new OnnxExporter(options, EagerJudge.reference(), ExportListener.NONE);
            exporter.export(files.denoiser(), files.transformerWeights(), elsewhere);
            exporter.export(files.denoiser(), files.transformerWeights(), model.resolve("onnx-half"));
        }
        double psnr = 0;
        for (String half : List.of(elsewhere.toString(), model + ":onnx-half")) {
            JsonNode result = result(model.toString(), half);
            assertEquals("fp16", result.path("b").path("settings").path("dtype").asText());
            assertEquals(
                    "vae_decoder",
                    result.path("b")
                            .path("settings")
                            .path("of " + model.resolve("onnx"))
                            .asText(),
                    () -> result.path("b").toString());
            double now = result.path("mean_psnr").asDouble();
            assertTrue(now > 35 && (psnr == 0 || psnr == now), psnr + " " + now);
            psnr = now;
        }
        assertEquals(0, compare(elsewhere.toString(), model.toString(), "--path-steps", "0"), err::toString);
        assertFalse(out.toString().contains("layers"), out::toString);
    }

    @Test
    void tolerances() throws IOException {
        String[] kept = {model.toString(), model.toString(), "--min-psnr", "100", "--min-ssim", "1", "--min-snr", "100"
        };
        assertEquals(0, compare(kept), err::toString);
        Path results = folder.resolve("failed");
        String[] failed = {
            model.toString(),
            perturbed + ":eager",
            "--min-psnr",
            "90",
            "--max-time-ratio",
            "0",
            "-o",
            results.toString()
        };
        assertEquals(4, compare(failed), out::toString);
        String line = err.toString().strip();
        assertTrue(
                line.startsWith("maskrt: " + perturbed + ":eager against " + model
                        + ": expected a mean PSNR of 90.00 dB at least (--min-psnr), received "),
                line);
        assertFalse(line.contains("\n"), line);
        assertTrue(Files.readString(results.resolve("report.html")).contains("Failed"));
        assertEquals(2, compare(failed));
        assertTrue(err.toString().contains("results.json: is there already; name another folder"), err::toString);
    }

    @Test
    void mistakesAreExplained() {
        refused("expected a model folder or a folder of exported graphs, got 'nothing'", "nothing", model.toString());
        refused("behind the colon, got 'fp7'", model.toString(), model + ":fp7");
        refused("--pictures: expected 1 or more, got 0", model.toString(), model.toString(), "--pictures", "0");
        refused("got --max-batch 0", model.toString(), model.toString(), "--max-batch", "0");
        refused("--rng: expected per-image, got torch-cpu", model.toString(), model.toString(), "--rng", "torch-cpu");
        assertEquals(1, compare(model.toString(), perturbed.toString()));
        assertTrue(err.toString().contains("make it with `maskrt export`"), err::toString);
    }

    private void refused(String message, String... arguments) {
        assertEquals(2, compare(arguments), err::toString);
        assertTrue(err.toString().contains(message), err::toString);
        assertFalse(err.toString().strip().contains("\n"), err::toString);
    }
}

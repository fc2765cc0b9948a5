package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.calibration.LinearScales;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.cli.Main;
import org.maskrt.models.ExitCode;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.runtime.BatchingPipeline;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Sampling;

/** {@code maskrt calibrate} on the shipped model: to a table, to graphs, to pictures that stay close to fp32. */
class CalibrateCommandTest {
    private static final Path SHIPPED = Path.of("../models/demo/shapes");
    /** Of few pictures in few steps; 50 steps give more, and scales of one timestep about 21. */
    private static final double PSNR = 27;

    private static final Guidance COSINE = new Guidance.PowerCosine(4, 1, 1000);

    @TempDir
    Path temp;

    private static String run(int expected, String... args) {
        StringWriter said = new StringWriter();
        PrintWriter writer = new PrintWriter(said, true);
        assertEquals(expected, Main.run(writer, writer, args), said::toString);
        return said.toString().strip();
    }

    private Path copy(String name) throws IOException {
        Path folder = temp.resolve(name);
        try (var files = Files.walk(SHIPPED)) {
            for (Path file : files.filter(f -> !f.toString().contains("onnx")).toList()) {
                Files.copy(file, folder.resolve(SHIPPED.relativize(file).toString()));
            }
        }
        return folder;
    }

    private static String[] calibrate(Path model, Path table, String... more) {
        List<String> args = new ArrayList<>(List.of("calibrate", "-q", model.toString(), "-o", table.toString()));
        args.addAll(List.of("--pictures", "2", "--steps", "6", "--bins", "3", "--rows", "8"));
        args.addAll(List.of("--guidance", "cosine", "--scale-pow", "1", "--cfg-scale", "4"));
        args.addAll(List.of(more));
        return args.toArray(new String[0]);
    }

    private static GenerationRequest request(int steps, Guidance guidance) {
        return GenerationRequest.of(List.of(0, 3, 6, 9))
                .with(Sampling.ddim(Integer.toString(steps)))
                .with(guidance);
    }

    private static byte[] pictures(Path folder) {
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, PipelineOptions.DEFAULT)) {
            return pipeline.generate(request(6, COSINE)).nhwc();
        }
    }

    private static double psnr(byte[] one, byte[] other) {
        double squares = 0;
        for (int i = 0; i < one.length; i++) {
            double d = (one[i] & 0xff) - (other[i] & 0xff);
            squares += d * d;
        }
        return 10 * Math.log10(255.0 * 255 * one.length / squares);
    }

    @Test
    void picturesOfTheQuantisedModelStayClose() throws IOException {
        Path exact = copy("fp32");
        Path quantised = copy("int8");
        Path table = temp.resolve("scales.json");
        run(0, calibrate(exact, table));
        String graphs = "conditioner,denoiser,guided_step,vae_decoder";
        run(0, "export", "-q", exact.toString(), "--no-validate", "--graphs", graphs);
        run(0, "export", "-q", quantised.toString(), "--quantize", table.toString(), "--graphs", graphs);
        byte[] one = pictures(exact);
        byte[] other = pictures(quantised);
        double psnr = psnr(one, other);
        assertTrue(psnr >= PSNR && psnr < 100, "expected at least " + PSNR + " dB, received " + psnr);
    }

    /** Scales by timestep in whatever runs a step: its graph, its rows, the loop on the host, and batches of rows at different steps. */
    @Test
    void groupsOfTimestepsRunEverywhere() throws Exception {
        Path exact = copy("fp32");
        Path quantised = copy("int8");
        Path table = temp.resolve("scales.json");
        run(0, calibrate(exact, table, "--groups", "3"));
        String graphs = "conditioner,denoiser,guided_step,vae_decoder";
        run(0, "export", "-q", exact.toString(), "--no-validate", "--graphs", graphs);
        run(0, "export", "-q", quantised.toString(), "--quantize", table.toString(), "--graphs", graphs);
        byte[] rows = pictures(quantised);
        double psnr = psnr(pictures(exact), rows);
        assertTrue(psnr >= PSNR && psnr < 100, "expected at least " + PSNR + " dB, received " + psnr);
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(quantised, PipelineOptions.DEFAULT.withThreads(1))) {
            double graph = psnr(rows, pipeline.generate(request(6, COSINE)).nhwc());
            assertTrue(graph > 50, "by its graph expected the same but for rounding, received " + graph + " dB");
        }
        GenerationRequest guided = request(6, COSINE);
        GenerationRequest plain = request(4, new Guidance.Constant(1));
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(quantised, PipelineOptions.DEFAULT)) {
            byte[] alone = pipeline.generate(plain).nhwc();
            try (BatchingPipeline batches = BatchingPipeline.over(pipeline, 8)) {
                CompletableFuture<GenerationResult> one = batches.submit(guided);
                CompletableFuture<GenerationResult> other = batches.submit(plain);
                assertArrayEquals(rows, one.get().nhwc());
                assertArrayEquals(alone, other.get().nhwc());
            }
        }
        String refused = run(
                ExitCode.USAGE.value(),
                "export",
                "-q",
                exact.toString(),
                "--target",
                "tensorrt",
                "--quantize",
                table.toString());
        assertEquals(
                "maskrt: quantize: expected scales that hold for all timesteps for tensorrt, which wants constants, received"
                        + " those of 3 groups; make a table with --groups 1",
                refused);
    }

    /** Each layer is measured on graphs, and the page has the plots. */
    @Test
    void driftIsMeasuredAndReported() throws IOException {
        Path model = copy("model");
        Path table = temp.resolve("scales.json");
        Path report = temp.resolve("report");
        String said = run(
                0,
                calibrate(
                        model,
                        table,
                        "--clipping",
                        "minmax",
                        "--no-smoothing",
                        "--drift-psnr",
                        "200",
                        "--drift-pictures",
                        "1",
                        "--report",
                        report.toString()));
        assertTrue(said.contains("drift    latents at 200.0 dB with 37 layers kept, 200.0 wanted"), said);
        ScaleTable made = ScaleTable.read(table);
        assertEquals(37, made.kept().size());
        assertTrue(made.kept().values().stream().allMatch(r -> r.startsWith("quantised alone ")), said);
        assertFalse(Files.exists(temp.resolve("scales.json.graph")));
        for (String plot : List.of("ranges.svg", "drift.svg")) {
            String svg = Files.readString(report.resolve(plot));
            assertTrue(svg.startsWith("<svg xmlns") && svg.contains("mlp.fc2"), svg);
        }
        assertTrue(Files.readString(report.resolve("report.html")).contains("de_blocks.1.mlp.fc2"));
    }

    /** Another method takes what is recorded, another number of pictures does not. */
    @Test
    void whatWasRecordedIsUsedAgainAndBelongsToItsRun() throws IOException {
        Path model = copy("model");
        Path table = temp.resolve("scales.json");
        run(0, calibrate(model, table, "--clipping", "minmax", "--no-smoothing"));
        ScaleTable first = ScaleTable.read(table);
        assertEquals(37, first.linears().size());
        Path recorded = temp.resolve("scales.json.recorded");
        byte[] state = Files.readAllBytes(recorded);
        run(0, calibrate(model, table, "--clipping", "percentile:99.9", "--no-smoothing", "--format", "fp8_e4m3"));
        ScaleTable second = ScaleTable.read(table);
        assertEquals(state.length, Files.size(recorded));
        for (String path : first.linears().keySet()) {
            LinearScales fp8 = second.linears().get(path);
            assertEquals("percentile:99.9", fp8.input().clipping());
            assertTrue(
                    fp8.input().scales()[0] * 448
                            <= first.linears().get(path).input().scales()[0] * 127 * 1.001,
                    path);
        }
        String refused = run(ExitCode.USAGE.value(), calibrate(model, table, "--seed", "9"));
        assertTrue(refused.contains("expected the state of the run"), refused);
        assertEquals(1, refused.lines().count(), refused);
    }

    /** Both collectors make the same scales. */
    @Test
    void theEagerModelGivesTheSameScales() throws IOException {
        Path model = copy("model");
        Path one = temp.resolve("ort.json");
        Path other = temp.resolve("eager.json");
        run(0, calibrate(model, one, "--clipping", "minmax", "--no-smoothing"));
        run(0, calibrate(model, other, "--clipping", "minmax", "--no-smoothing", "--collector", "eager"));
        ScaleTable expected = ScaleTable.read(one);
        ScaleTable got = ScaleTable.read(other);
        assertEquals(expected.linears().keySet(), got.linears().keySet());
        expected.linears().forEach((path, scales) -> {
            float scale = scales.input().scales()[0];
            // six steps carry rounding on; one step agrees within 1e-5
            assertEquals(scale, got.linears().get(path).input().scales()[0], 1e-3f * scale, path);
        });
    }

    @Test
    void onlyWhatIsKnown() throws IOException {
        Path model = copy("model");
        Path table = temp.resolve("scales.json");
        for (String[] wrong : List.of(
                new String[] {"--format", "int4"},
                new String[] {"--clipping", "best"},
                new String[] {"--drift-pictures", "0"},
                new String[] {"--seeds", "1,2"})) {
            String said = run(ExitCode.USAGE.value(), calibrate(model, table, wrong));
            assertTrue(said.contains("expected"), said);
            assertEquals(1, said.lines().count(), said);
        }
        String none = run(ExitCode.USAGE.value(), "calibrate", model.toString(), "--pictures", "0");
        assertEquals("maskrt: --pictures: expected 1 or more, got 0", none);
        assertTrue(Files.notExists(table));
    }
}

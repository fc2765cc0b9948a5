package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.calibration.LinearScales;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.cli.Main;
import org.maskrt.models.ExitCode;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Sampling;

/** {@code maskrt calibrate} on the shipped model: to a table, to graphs, to pictures that stay close to fp32. */
class CalibrateCommandTest {
    private static final Path SHIPPED = Path.of("../models/demo/shapes");
    /** Of few pictures in few steps; 50 steps give more, and scales of one timestep about 21. */
    private static final double PSNR = 27;

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

    private static byte[] pictures(Path folder) {
        GenerationRequest request = GenerationRequest.of(List.of(0, 3, 6, 9))
                .with(Sampling.ddim("6"))
                .with(new Guidance.PowerCosine(4, 1, 1000));
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, PipelineOptions.DEFAULT)) {
            return pipeline.generate(request).nhwc();
        }
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
        double squares = 0;
        for (int i = 0; i < one.length; i++) {
            double d = (one[i] & 0xff) - (other[i] & 0xff);
            squares += d * d;
        }
        double psnr = 10 * Math.log10(255.0 * 255 * one.length / squares);
        assertTrue(psnr >= PSNR && squares > 0, "expected at least " + PSNR + " dB, received " + psnr);
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

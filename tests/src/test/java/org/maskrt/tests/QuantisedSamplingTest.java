package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.cli.Main;
import org.maskrt.models.ExitCode;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Sampling;

/** The shipped model in int8: whole trajectories stay close to fp32. */
class QuantisedSamplingTest {
    /** What the pictures of the shipped model are held to; 50 dB is reached in 50 steps. */
    private static final double PSNR = 35;

    @TempDir
    Path temp;

    private static int run(StringWriter said, String... args) {
        PrintWriter writer = new PrintWriter(said, true);
        return Main.run(writer, writer, args);
    }

    private Path export(String name, String... options) throws IOException {
        Path folder = temp.resolve(name);
        Path shipped = Path.of("../models/demo/shapes");
        try (var files = Files.walk(shipped)) {
            for (Path file : files.filter(f -> !f.toString().contains("onnx")).toList()) {
                Files.copy(file, folder.resolve(shipped.relativize(file).toString()));
            }
        }
        StringWriter said = new StringWriter();
        String[] args = {"export", "-q", folder.toString(), "--graphs", "conditioner,denoiser,guided_step,vae_decoder"};
        String[] all = IntStream.range(0, args.length + options.length)
                .mapToObj(i -> i < args.length ? args[i] : options[i - args.length])
                .toArray(String[]::new);
        assertEquals(0, run(said, all), said::toString);
        return folder;
    }

    private static byte[] pictures(Path folder) {
        GenerationRequest request = GenerationRequest.of(List.of(0, 3, 6, 9))
                .with(Sampling.ddim("12"))
                .with(new Guidance.PowerCosine(4, 1, 1000));
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, PipelineOptions.DEFAULT)) {
            return pipeline.generate(request).nhwc();
        }
    }

    @Test
    void trajectoriesOfTheShippedModelStayClose() throws IOException {
        byte[] exact = pictures(export("fp32"));
        byte[] quantised = pictures(export("int8", "--quantize", "int8"));
        double squares = 0;
        for (int i = 0; i < exact.length; i++) {
            double d = (exact[i] & 0xff) - (quantised[i] & 0xff);
            squares += d * d;
        }
        double psnr = 10 * Math.log10(255.0 * 255 * exact.length / squares);
        assertTrue(psnr >= PSNR && squares > 0, "expected at least " + PSNR + " dB, received " + psnr);
    }

    @Test
    void onlyInt8FromFp32() {
        // options are looked at before the folder
        Path folder = temp.resolve("model");
        for (String[] options : List.of(
                new String[] {"--quantize", "int4"},
                new String[] {"--quantize", "int8", "--dtype", "fp16"},
                new String[] {"--dtype", "int8"},
                new String[] {"--quantize", "int8", "--target", "tensorrt"})) {
            StringWriter said = new StringWriter();
            String[] args = new String[options.length + 3];
            args[0] = "export";
            args[1] = folder.toString();
            args[2] = "-q";
            System.arraycopy(options, 0, args, 3, options.length);
            assertEquals(ExitCode.USAGE.value(), run(said, args), said::toString);
            assertTrue(said.toString().contains("expected"), said.toString());
            assertTrue(said.toString().strip().lines().count() == 1, said.toString());
        }
    }
}

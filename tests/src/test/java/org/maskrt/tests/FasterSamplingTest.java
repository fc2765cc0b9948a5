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
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Sampling;

/** What makes the shipped model faster than its mathematics asks leaves whole trajectories close. */
class FasterSamplingTest {
    /** What the pictures are held to; int8 and reuse reach more. */
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

    private static GenerationRequest request(String steps, Guidance guidance) {
        return GenerationRequest.of(List.of(0, 3, 6, 9))
                .with(Sampling.ddim(steps))
                .with(guidance);
    }

    private static byte[] pictures(Path folder) {
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, PipelineOptions.DEFAULT)) {
            return pipeline.generate(request("12", new Guidance.PowerCosine(4, 1, 1000)))
                    .nhwc();
        }
    }

    private static double psnr(byte[] exact, byte[] other) {
        double squares = 0;
        for (int i = 0; i < exact.length; i++) {
            double d = (exact[i] & 0xff) - (other[i] & 0xff);
            squares += d * d;
        }
        assertTrue(squares > 0, "the same pictures");
        return 10 * Math.log10(255.0 * 255 * exact.length / squares);
    }

    @Test
    void int8() throws IOException {
        byte[] exact = pictures(export("fp32"));
        double psnr = psnr(exact, pictures(export("int8", "--quantize", "int8")));
        assertTrue(psnr >= PSNR, "expected at least " + PSNR + " dB, received " + psnr);
    }

    /** 1.7 times as fast where the halves take all of the time. */
    @Test
    void reuse() throws IOException {
        GenerationRequest request = request("50", new Guidance.PowerCosine(3.8, 4, 1000));
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(export("reuse"), PipelineOptions.DEFAULT)) {
            GenerationResult exact = pipeline.generate(request);
            GenerationResult reused =
                    pipeline.generate(request.with(request.guidance().withReuse(0.05)));
            double faster = (double) exact.timings().passes() / reused.timings().passes();
            assertTrue(faster >= 1.7, "expected 1.7 times fewer passes, received " + faster);
            double psnr = psnr(exact.nhwc(), reused.nhwc());
            assertTrue(psnr >= PSNR, "expected at least " + PSNR + " dB, received " + psnr);
        }
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

package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.random.TorchCpuRandom;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;

class DiffusionPipelineTest {
    private static final Denoiser DIT = new Dit(new DitConfig(4, 2, 4, 16, 1, 2, 4, 10, true));
    private static final AutoencoderKl VAE =
            new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(4, 4), 1, 2, 0.5, 8));
    private static final int LATENT = 4 * 4 * 4;
    private static final Guidance GUIDANCE = new Guidance.Constant(3);

    @TempDir
    Path folder;

    private final List<ReferenceBackend> backends = new ArrayList<>();

    @BeforeEach
    void export() throws IOException {
        Path report = folder.resolve("onnx/guided_step/export.json");
        Files.createDirectories(report.getParent());
        Files.writeString(report, "{\"guided_channels\": \"reference\"}");
    }

    private DiffusionPipeline pipeline(int maxBatch) {
        return pipeline(maxBatch, 1);
    }

    private DiffusionPipeline pipeline(int maxBatch, float scale) {
        ReferenceBackend backend = new ReferenceBackend(DIT, VAE, GuidedChannels.REFERENCE, scale);
        backends.add(backend);
        TreeMap<Integer, String> names = new TreeMap<>();
        names.put(3, "star");
        return new DiffusionPipeline(
                folder,
                new DiffusionPipeline.Model(DIT, VAE.config(), NoiseSchedule.linear(), names, List.of()),
                backend,
                maxBatch);
    }

    private static GenerationRequest request(Integer... labels) {
        return GenerationRequest.of(List.of(labels))
                .with(Sampling.ddim("4"))
                .with(GUIDANCE)
                .withLatents();
    }

    private static float[] latents(GenerationResult result) {
        return result.latents().values();
    }

    @Test
    void theSameRequestGivesTheSameBytes() {
        try (DiffusionPipeline pipeline = pipeline(8)) {
            GenerationRequest request = request(1, 2, 3).with(Sampling.ddim("4", 0.5));
            GenerationResult once = pipeline.generate(request);
            GenerationResult twice = pipeline.generate(request);
            assertArrayEquals(once.nhwc(), twice.nhwc());
            assertArrayEquals(latents(once), latents(twice));
            assertEquals(List.of(0L, 1L, 2L), once.seeds());
            assertEquals(3 * 8 * 8 * 3, once.nhwc().length);
            assertEquals(8, once.bufferedImage(2).getWidth());
            assertNotEquals(
                    Arrays.hashCode(latents(once)),
                    Arrays.hashCode(latents(pipeline.generate(request.with(Seeds.perImage(7))))));
        }
    }

    static List<Seeds> seeds() {
        return List.of(Seeds.perImage(5), Seeds.perImage(List.of(9L, 9L, 2L, 1L, 0L)), Seeds.torchCpu(5));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void picturesDoNotDependOnTheBatch(Seeds seeds) {
        GenerationRequest request =
                request(1, 2, 3, 2, 1).with(Sampling.ddim("4", 1)).with(seeds);
        try (DiffusionPipeline whole = pipeline(8);
                DiffusionPipeline pairs = pipeline(2);
                DiffusionPipeline single = pipeline(1)) {
            float[] expected = latents(whole.generate(request));
            assertArrayEquals(expected, latents(pairs.generate(request)), 1e-5f);
            assertArrayEquals(expected, latents(single.generate(request)), 1e-5f);
            assertEquals(4, backends.get(0).runs("guided_step"));
            assertEquals(12, backends.get(1).runs("guided_step"));
            assertEquals(20, backends.get(2).runs("guided_step"));
        }
    }

    @Test
    void aPictureOfARequestIsThatOfItsSeedAlone() {
        try (DiffusionPipeline pipeline = pipeline(8)) {
            float[] all = latents(pipeline.generate(request(1, 2, 3).with(Seeds.perImage(20))));
            float[] third = latents(pipeline.generate(request(3).with(Seeds.perImage(22))));
            assertArrayEquals(rows(all, 2, 3), third, 1e-5f);
        }
    }

    private static float[] rows(float[] latents, int from, int to) {
        return Arrays.copyOfRange(latents, from * LATENT, to * LATENT);
    }

    @Test
    void torchCpuNoiseIsDrawnForAllPicturesAtOnceAndTwiceAsMuchPerGuidedStep() {
        int count = 3;
        TorchCpuRandom torch = new TorchCpuRandom(11);
        float[] start = torch.randn(count * LATENT);
        float[] steps = new float[4 * count * LATENT];
        for (int i = 0; i < 4; i++) {
            System.arraycopy(torch.randn(2 * count * LATENT), 0, steps, i * count * LATENT, count * LATENT);
        }
        Sampling sampling = Sampling.ddpm("4");
        GuidanceOptions guidance = GuidanceOptions.of(GUIDANCE);
        try (DiffusionPipeline pipeline = pipeline(2)) {
            List<float[]> expected =
                    pipeline.trajectory(new Trajectory(start, List.of(1, 2, 3), steps, sampling, guidance));
            GenerationResult result =
                    pipeline.generate(request(1, 2, 3).with(sampling).with(Seeds.torchCpu(11)));
            assertArrayEquals(expected.get(3), latents(result), 1e-5f);
        }
    }

    static List<Sampling> samplings() {
        return List.of(Sampling.ddim("5"), Sampling.ddim("ddim5", 0.7), Sampling.dpmSolver("6"));
    }

    /** Guided channels that the graph does not have take the other path, which must give the same for equal channels. */
    @ParameterizedTest
    @MethodSource("samplings")
    void theFusedAndTheHostPathAgree(Sampling sampling) throws IOException {
        GenerationRequest request = request(1, 2).with(sampling);
        try (DiffusionPipeline pipeline = pipeline(8)) {
            float[] fused = latents(pipeline.generate(request));
            Files.writeString(folder.resolve("onnx/guided_step/export.json"), "{\"guided_channels\": \"all\"}");
            GenerationResult host = pipeline.generate(request);
            assertClose(fused, latents(host));
            assertEquals(0, host.provenance().fusedSteps());
            assertEquals(host.provenance().steps(), backends.get(0).runs("denoiser") / 2, "both halves on every step");
        }
    }

    @Test
    void stepsThatNeedOneHalfRunOneHalf() {
        Guidance late = new Guidance.Interval(GUIDANCE, 0, 499);
        try (DiffusionPipeline pipeline = pipeline(8)) {
            GenerationResult result =
                    pipeline.generate(request(1, 2).with(Sampling.ddim("10")).with(late));
            assertEquals(5, result.provenance().fusedSteps());
            assertEquals(5, backends.get(0).runs("guided_step"));
            assertEquals(5, backends.get(0).runs("denoiser"));
        }
        try (DiffusionPipeline pipeline = pipeline(8)) {
            GenerationResult unguided = pipeline.generate(request(1).with(Guidance.none()));
            assertEquals(0, unguided.provenance().fusedSteps());
            assertEquals(0, backends.get(1).runs("guided_step"));
        }
    }

    @Test
    void oneExactlySkippableStepDoesNotLoadASecondGraph() {
        Guidance published = new Guidance.PowerCosine(3.8, 4, 1000);
        assertEquals(1, published.weight(999), "the first step of 12 has no guidance");
        try (DiffusionPipeline pipeline = pipeline(8)) {
            GenerationRequest request = request(1).with(Sampling.ddim("12")).with(published);
            assertEquals(12, pipeline.generate(request).provenance().fusedSteps());
            GuidanceOptions tolerant = new GuidanceOptions(published, GuidedChannels.REFERENCE, 0.01);
            assertTrue(pipeline.generate(request.with(tolerant)).provenance().fusedSteps() < 12);
        }
    }

    @Test
    void aLongRequestAllocatesItsTensorsOnce() {
        try (DiffusionPipeline pipeline = pipeline(2)) {
            pipeline.generate(request(1, 2, 3, 4, 5, 6, 7, 8));
            int first = backends.get(0).allocated.get();
            assertTrue(first < 16, "the batches share theirs, got " + first);
            pipeline.generate(request(8, 7, 6, 5, 4, 3, 2, 1).with(Sampling.ddim("4", 1)));
            assertEquals(first, backends.get(0).allocated.get());
        }
    }

    @Test
    void progressCountsOverAllBatches() {
        List<String> heard = new ArrayList<>();
        try (DiffusionPipeline pipeline = pipeline(2)) {
            GenerationResult result = pipeline.generate(
                    request(1, 2, 3).with(Sampling.ddim("2")),
                    (stage, done, total) -> heard.add(stage.label() + " " + done + "/" + total),
                    new Cancellation());
            assertEquals(
                    List.of(
                            "condition 2/4",
                            "denoise 1/4",
                            "denoise 2/4",
                            "condition 4/4",
                            "denoise 3/4",
                            "denoise 4/4",
                            "decode 3/3"),
                    heard);
            assertEquals(4, result.timings().steps());
            assertTrue(result.timings().millisPerStep() > 0);
        }
    }

    @Test
    void aCancelledGenerationStopsAtOnceAndLeavesThePipelineUsable() {
        Cancellation cancellation = new Cancellation();
        try (DiffusionPipeline pipeline = pipeline(8)) {
            MaskRtException e = assertThrows(
                    MaskRtException.class,
                    () -> pipeline.generate(
                            request(1),
                            (stage, done, total) -> {
                                if (stage == Stage.DENOISE && done == 2) {
                                    cancellation.cancel();
                                }
                            },
                            cancellation));
            assertEquals(ExitCode.INTERRUPTED, e.code());
            assertEquals(
                    "the generation was interrupted after 2 of 4 units of the stage denoise; start it again",
                    e.getMessage());
            assertEquals(2, backends.get(0).runs("guided_step"));
            assertEquals(0, backends.get(0).runs("vae_decoder"));
            assertEquals(1, pipeline.generate(request(1)).images().size());
        }
    }

    @Test
    void anInterruptedThreadStopsToo() {
        try (DiffusionPipeline pipeline = pipeline(8)) {
            Thread.currentThread().interrupt();
            MaskRtException e = assertThrows(MaskRtException.class, () -> pipeline.generate(request(1)));
            assertEquals(ExitCode.INTERRUPTED, e.code());
            assertTrue(Thread.interrupted());
        }
    }

    @Test
    void notANumberIsFoundAtItsStep() {
        try (DiffusionPipeline pipeline = pipeline(8, Float.NaN)) {
            MaskRtException e = assertThrows(MaskRtException.class, () -> pipeline.generate(request(1)));
            assertEquals(ExitCode.NOT_FINITE, e.code());
            assertEquals(
                    folder.resolve("onnx/guided_step")
                            + ": the latents are not finite after step 1 of 4 (timestep 999); the weights hold NaN or"
                            + " overflow, check them with `maskrt inspect`",
                    e.getMessage());
        }
    }

    @Test
    void aNaNOfOneGenerationDoesNotReachTheNext() {
        ReferenceBackend backend = new ReferenceBackend(DIT, VAE, GuidedChannels.REFERENCE, 1);
        try (TensorPool pool = new TensorPool(backend)) {
            DeviceTensor dirty;
            try (TensorPool.Lease lease = pool.lease()) {
                dirty = lease.floats(2);
                dirty.write(new float[] {Float.NaN, Float.NaN});
            }
            try (TensorPool.Lease lease = pool.lease()) {
                assertEquals(dirty, lease.floats(2), "the pool hands out the same tensor");
            }
        }
        GenerationRequest request = request(1);
        try (DiffusionPipeline pipeline = pipeline(8)) {
            float[] clean = latents(pipeline.generate(request));
            float[] start = new float[LATENT];
            Arrays.fill(start, Float.NaN);
            assertThrows(
                    MaskRtException.class,
                    () -> pipeline.trajectory(new Trajectory(
                            start, List.of(1), new float[4 * LATENT], Sampling.ddim("4"), request.guidance())));
            assertArrayEquals(clean, latents(pipeline.generate(request)));
        }
    }

    @Test
    void severalThreadsGetWhatOneGets() throws Exception {
        try (DiffusionPipeline pipeline = pipeline(2)) {
            GenerationRequest a = request(1, 2, 3).with(Sampling.ddim("4", 0.5));
            GenerationRequest b = request(4, 5, 6).with(Seeds.torchCpu(3)).with(Sampling.dpmSolver("5"));
            byte[] aloneA = pipeline.generate(a).nhwc();
            byte[] aloneB = pipeline.generate(b).nhwc();
            ExecutorService threads = Executors.newFixedThreadPool(4);
            try {
                List<Future<byte[]>> results = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    GenerationRequest request = i % 2 == 0 ? a : b;
                    results.add(threads.submit(() -> pipeline.generate(request).nhwc()));
                }
                for (int i = 0; i < 8; i++) {
                    assertArrayEquals(
                            i % 2 == 0 ? aloneA : aloneB, results.get(i).get(), "generation " + i);
                }
            } finally {
                threads.shutdownNow();
            }
        }
    }

    @Test
    void aClosedPipelineSaysSo() {
        DiffusionPipeline pipeline = pipeline(8);
        pipeline.generate(request(1));
        pipeline.close();
        pipeline.close();
        assertTrue(backends.get(0).closed);
        assertEquals(folder + ": the pipeline is closed; open it again", message(() -> pipeline.generate(request(1))));
    }

    @Test
    void classesAreFoundByNameOrNumber() {
        try (DiffusionPipeline pipeline = pipeline(8)) {
            assertEquals(3, pipeline.classIndex("Star"));
            assertEquals(9, pipeline.classIndex("9"));
            String range = folder + ": expected a class from 0 to 9, got ";
            String hint = "; `maskrt inspect` lists the classes";
            assertEquals(range + "10" + hint, message(() -> pipeline.classIndex("10")));
            assertEquals(range + "-1" + hint, message(() -> pipeline.classIndex("-1")));
            assertEquals(
                    folder + ": there is no class moon; expected one of [star] or a number from 0 to 9",
                    message(() -> pipeline.classIndex("moon")));
            assertEquals(range + "10" + hint, message(() -> pipeline.generate(request(1, 10))));
        }
    }

    @Test
    void requestsThatMakeNoSenseAreUsageErrors() {
        try (DiffusionPipeline pipeline = pipeline(8)) {
            assertUsage(
                    folder + ": expected at least one class to generate, got none",
                    () -> pipeline.generate(GenerationRequest.of(List.of())));
            assertUsage(
                    "steps '0': at least one step is needed, got none; use a count from 1 to 1000",
                    () -> pipeline.generate(request(1).with(Sampling.ddim("0"))));
            assertUsage(
                    "expected one seed or one for each of the 1 pictures, got 2",
                    () -> pipeline.generate(request(1).with(Seeds.perImage(List.of(1L, 2L)))));
            assertUsage(
                    "torch-cpu has one stream for the whole request and takes one seed, got 2; use --rng per-image for"
                            + " a seed per picture",
                    () -> new Seeds(Seeds.Rng.TORCH_CPU, List.of(1L, 2L)));
            assertUsage("a generation needs a seed, got none", () -> Seeds.perImage(List.of()));
            assertUsage(
                    "eta belongs to the sampler ddim, got 0.5 for ddpm",
                    () -> new Sampling("4", Sampling.Method.DDPM, 0.5));
            assertUsage(
                    "there is no sampler euler; use one of ddim, ddpm, dpm-solver++, heun",
                    () -> Sampling.Method.named("euler"));
            assertUsage(
                    "there is no random generator cuda; use one of per-image, torch-cpu",
                    () -> Seeds.Rng.named("cuda"));
            assertUsage("the batch must be 1 or more, got 0", () -> PipelineOptions.DEFAULT.withMaxBatch(0));
            assertUsage(
                    "trajectory: expected 64 values of start, got 3",
                    () -> pipeline.trajectory(new Trajectory(
                            new float[3], List.of(1), new float[0], Sampling.ddim("4"), GuidanceOptions.NONE)));
        }
    }

    @Test
    void ddpmNeedsALearnedVariance() {
        Denoiser plain = new Dit(new DitConfig(4, 2, 4, 16, 1, 2, 4, 10, false));
        DiffusionPipeline.Model model = new DiffusionPipeline.Model(
                plain, VAE.config(), NoiseSchedule.linear(), Collections.emptySortedMap(), List.of());
        try (DiffusionPipeline pipeline = new DiffusionPipeline(
                folder, model, new ReferenceBackend(plain, VAE, GuidedChannels.REFERENCE, 1), 8)) {
            assertUsage(
                    "the sampler ddpm needs a learned variance, and this model's output has only the 4 channels of the"
                            + " noise; use --sampler ddim",
                    () -> pipeline.generate(request(1).with(Sampling.ddpm("4"))));
            assertEquals(1, pipeline.generate(request(1)).images().size());
        }
    }

    @Test
    void aFolderWithoutAnAutoencoderGivesTrajectoriesButNoPictures() {
        DiffusionPipeline.Model model =
                new DiffusionPipeline.Model(DIT, null, NoiseSchedule.linear(), Collections.emptySortedMap(), List.of());
        try (DiffusionPipeline pipeline =
                new DiffusionPipeline(folder, model, new ReferenceBackend(DIT, VAE, GuidedChannels.REFERENCE, 1), 8)) {
            assertEquals(
                    folder + ": expected an autoencoder (vae), found none; add the one that the transformer was trained"
                            + " on",
                    message(() -> pipeline.generate(request(1))));
            assertEquals(
                    2,
                    pipeline.trajectory(new Trajectory(
                                    new float[LATENT],
                                    List.of(10),
                                    new float[2 * LATENT],
                                    Sampling.ddim("2"),
                                    GuidanceOptions.of(GUIDANCE)))
                            .size());
        }
    }

    @Test
    void theReportOfTheExportIsNeeded() throws IOException {
        Path report = folder.resolve("onnx/guided_step/export.json");
        Files.writeString(report, "{\"guided_channels\": \"some\"}");
        try (DiffusionPipeline pipeline = pipeline(8)) {
            assertEquals(
                    report + ": expected guided_channels to be reference or all, got 'some'; make it again with `maskrt"
                            + " export`",
                    message(() -> pipeline.generate(request(1))));
            Files.delete(report);
            String missing = message(() -> pipeline.generate(request(1)));
            assertTrue(missing.startsWith(report + ": expected the report of an export, cannot read it ("), missing);
            assertTrue(missing.endsWith("); make it with `maskrt export`"), missing);
        }
    }

    private static void assertClose(float[] expected, float[] actual) {
        Parity parity =
                Parity.of("latents", Tensor.of(expected, expected.length), Tensor.of(actual, actual.length), 1e-5);
        assertTrue(parity.passed(), parity::toString);
    }

    private static String message(Executable action) {
        return assertThrows(MaskRtException.class, action).getMessage();
    }

    private static void assertUsage(String message, Executable action) {
        MaskRtException e = assertThrows(MaskRtException.class, action);
        assertEquals(message, e.getMessage());
        assertEquals(ExitCode.USAGE, e.code());
    }
}

package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.runtime.device.CpuDevice;

/** Generations on a device that checks every address, shape and capture, against the loop on the host. */
class DeviceSamplerTest {
    private static final Denoiser DIT = new Dit(new DitConfig(4, 2, 4, 16, 1, 2, 4, 10, true));
    private static final AutoencoderKl VAE =
            new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(4, 4), 1, 2, 0.5, 8));
    private static final long MEMORY = 1L << 26;
    private static final int LATENT = 4 * 4 * 4;
    private static final Guidance GUIDANCE = new Guidance.Constant(3);

    @TempDir
    Path folder;

    private final CpuDevice device = new CpuDevice(MEMORY);

    @BeforeEach
    void export() throws IOException {
        export(GuidedChannels.REFERENCE);
    }

    private void export(GuidedChannels channels) throws IOException {
        for (String graphs : List.of("onnx", "onnx-tensorrt")) {
            Path report = folder.resolve(graphs + "/guided_step/export.json");
            Files.createDirectories(report.getParent());
            Files.writeString(report, "{\"guided_channels\": \"" + channels.label() + "\"}");
        }
    }

    private static ReferenceBackend reference(GuidedChannels channels, float scale) {
        return new ReferenceBackend(DIT, VAE, channels, scale);
    }

    private DiffusionPipeline pipeline(Backend backend, int maxBatch) {
        return new DiffusionPipeline(
                folder,
                new DiffusionPipeline.Model(
                        DIT, VAE.config(), NoiseSchedule.linear(), Collections.emptySortedMap(), List.of()),
                backend,
                maxBatch);
    }

    private DeviceBackend backend(GuidedChannels channels, int lanes) {
        return new DeviceBackend("double", device, new ReferenceEngines(device, reference(channels, 1), DIT, 8), lanes);
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

    private static void assertClose(String name, float[] expected, float[] actual) {
        Parity parity = Parity.of(
                name, Tensor.of(expected, expected.length), Tensor.of(actual, actual.length), Parity.ACCUMULATED);
        assertTrue(parity.passed(), parity::toString);
    }

    private static Sampling sampling(String name) {
        return switch (name) {
            case "ddim" -> Sampling.ddim("6");
            case "ancestral" -> Sampling.ddim("6", 1);
            default -> Sampling.dpmSolver("6");
        };
    }

    private static GuidanceOptions guidance(String name) {
        return switch (name) {
            case "none" -> GuidanceOptions.NONE;
            case "constant" -> GuidanceOptions.of(GUIDANCE);
            case "skipping" ->
                new GuidanceOptions(new Guidance.PowerCosine(3.8, 4, 1000), GuidedChannels.REFERENCE, 0.05);
            case "middle" -> GuidanceOptions.of(new Guidance.Interval(GUIDANCE, 300, 700));
            default -> new GuidanceOptions(new Guidance.Constant(0), GuidedChannels.ALL, 0);
        };
    }

    @ParameterizedTest
    @CsvSource({
        "ddim, none", "ddim, constant", "ddim, skipping", "ddim, middle", "ddim, null",
        "ancestral, none", "ancestral, constant", "ancestral, skipping", "ancestral, middle", "ancestral, null",
        "dpm, none", "dpm, constant", "dpm, skipping", "dpm, middle", "dpm, null"
    })
    void theDeviceGivesWhatTheHostGives(String sampler, String guided) throws IOException {
        GuidanceOptions how = guidance(guided);
        export(how.channels());
        try (DiffusionPipeline host = pipeline(reference(how.channels(), 1), 8);
                DiffusionPipeline loop = pipeline(backend(how.channels(), 1), 8)) {
            for (Seeds seeds : List.of(Seeds.perImage(5), Seeds.torchCpu(5))) {
                for (GenerationRequest request : List.of(request(3), request(1, 2, 1))) {
                    GenerationRequest asked =
                            request.with(sampling(sampler)).with(how).with(seeds);
                    GenerationResult expected = host.generate(asked);
                    GenerationResult result = loop.generate(asked);
                    assertClose(asked.labels() + " " + seeds, latents(expected), latents(result));
                    assertEquals(
                            expected.provenance().fusedSteps(),
                            result.provenance().fusedSteps());
                }
            }
            assertTrue(device.count("run guided_step") + device.count("run half_step") >= 24);
            assertEquals(0, device.count("run denoiser"));
        }
        assertEquals(0, device.open());
    }

    @Test
    void tablesInPartsGiveTheSame() {
        DeviceBackend backend = backend(GuidedChannels.REFERENCE, 1);
        long parts = DeviceSteps.bytes(DIT, 3, 4);
        backend.share(new MemoryPlan(8, MemoryPlan.Bias.CONSTANT, true, Set.of(), parts, 0, List.of()));
        assertEquals(4, backend.tableSteps(DIT, 3), 1);
        List<Integer> conditioned = new ArrayList<>();
        GenerationRequest request = request(1, 2, 3).with(Sampling.ddim("11", 0.7));
        try (DiffusionPipeline host = pipeline(reference(GuidedChannels.REFERENCE, 1), 8);
                DiffusionPipeline loop = pipeline(backend, 8)) {
            GenerationResult result = loop.generate(
                    request,
                    (stage, done, total) -> {
                        if (stage == Stage.CONDITION) {
                            conditioned.add(done);
                        }
                    },
                    new Cancellation());
            assertClose("latents", latents(host.generate(request)), latents(result));
            assertTrue(conditioned.size() >= 3, conditioned::toString);
            assertEquals(conditioned.size(), device.count("run conditioner"));
        }
    }

    @Test
    void nothingCrossesTheBusBetweenTheSteps() {
        try (DiffusionPipeline loop = pipeline(backend(GuidedChannels.REFERENCE, 1), 8)) {
            GenerationRequest request = request(1, 2).with(Sampling.ddim("7", 1));
            loop.generate(request);
            List<String> journal = device.journal();
            List<String> loops = journal.subList(journal.indexOf("launch"), journal.lastIndexOf("launch") + 1);
            assertTrue(loops.stream().noneMatch(e -> e.endsWith("load")), loops::toString);
            assertEquals(7, device.count("launch"));
            loop.generate(request.with(Seeds.perImage(3)));
            loop.generate(request.with(Sampling.dpmSolver("5")));
            loop.generate(request.with(Sampling.ddim("3")));
            assertEquals(1, device.count("capture"), "later generations replay the same graph");
            assertEquals(7 + 7 + 5 + 3, device.count("launch"));
            assertEquals(1 + 7 + 7 + 5 + 3, device.count("run guided_step"), "one run is before the capture");
        }
    }

    @Test
    void everyStepCanBeLookedAt() {
        Random random = new Random(7);
        float[] start = new float[2 * LATENT];
        float[] noise = new float[5 * 2 * LATENT];
        for (float[] values : List.of(start, noise)) {
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
        }
        Trajectory run =
                new Trajectory(start, List.of(4, 10), noise, Sampling.ddim("5", 0.8), GuidanceOptions.of(GUIDANCE));
        try (DiffusionPipeline host = pipeline(reference(GuidedChannels.REFERENCE, 1), 8);
                DiffusionPipeline loop = pipeline(backend(GuidedChannels.REFERENCE, 1), 8)) {
            List<float[]> expected = host.trajectory(run);
            List<float[]> actual = loop.trajectory(run);
            for (int i = 0; i < 5; i++) {
                assertClose("step " + i, expected.get(i), actual.get(i));
            }
        }
    }

    @Test
    void theNextStepTakesWhatAListenerLeaves() {
        GenerationRequest request = request(2, 5);
        List<float[]> own = new ArrayList<>();
        List<float[]> replaced = new ArrayList<>();
        List<float[]> onDevice = new ArrayList<>();
        List<float[]> kept = new ArrayList<>();
        try (DiffusionPipeline host = pipeline(reference(GuidedChannels.REFERENCE, 1), 8);
                DiffusionPipeline loop = pipeline(backend(GuidedChannels.REFERENCE, 1), 8)) {
            host.trajectory(request, (i, latents) -> own.add(latents.clone()));
            host.trajectory(request, (i, latents) -> {
                kept.add(latents.clone());
                System.arraycopy(own.get(i), 0, latents, 0, latents.length);
            });
            host.trajectory(request, (i, latents) -> replaced.add(zeroed(i, latents)));
            loop.trajectory(request, (i, latents) -> onDevice.add(zeroed(i, latents)));
        }
        for (int i = 0; i < own.size(); i++) {
            assertArrayEquals(own.get(i), kept.get(i), "step " + i);
            assertClose("step " + i, replaced.get(i), onDevice.get(i));
        }
        assertArrayEquals(own.get(0), replaced.get(0));
        assertFalse(Arrays.equals(own.get(1), replaced.get(1)));
    }

    private static float[] zeroed(int i, float[] latents) {
        float[] before = latents.clone();
        if (i == 0) {
            Arrays.fill(latents, 0);
        }
        return before;
    }

    @Test
    void notANumberIsFoundAtItsStepAndDoesNotReachTheNextGeneration() {
        Function<DiffusionPipeline, MaskRtException> failure = pipeline -> {
            float[] start = new float[LATENT];
            start[5] = Float.NaN;
            return assertThrows(
                    MaskRtException.class,
                    () -> pipeline.trajectory(new Trajectory(
                            start,
                            List.of(1),
                            new float[4 * LATENT],
                            Sampling.ddim("4"),
                            GuidanceOptions.of(GUIDANCE))));
        };
        try (DiffusionPipeline loop = pipeline(backend(GuidedChannels.REFERENCE, 1), 8)) {
            float[] clean = latents(loop.generate(request(1)));
            assertEquals(ExitCode.NOT_FINITE, failure.apply(loop).code());
            assertClose("after NaN", clean, latents(loop.generate(request(1))));
        }
        CpuDevice other = new CpuDevice(MEMORY);
        ReferenceEngines broken = new ReferenceEngines(other, reference(GuidedChannels.REFERENCE, Float.NaN), DIT, 8);
        try (DiffusionPipeline loop = pipeline(new DeviceBackend("double", other, broken, 1), 8)) {
            MaskRtException e = assertThrows(MaskRtException.class, () -> loop.generate(request(1)));
            assertEquals(ExitCode.NOT_FINITE, e.code());
            assertEquals(
                    folder.resolve("onnx-tensorrt/guided_step")
                            + ": the latents are not finite after step 1 of 4 (timestep 999); the weights hold NaN or"
                            + " overflow, check them with `maskrt inspect`",
                    e.getMessage());
        }
    }

    @Test
    void aCancelledGenerationLeavesThePipelineUsable() {
        Cancellation cancellation = new Cancellation();
        try (DiffusionPipeline loop = pipeline(backend(GuidedChannels.REFERENCE, 1), 8)) {
            float[] expected = latents(loop.generate(request(1)));
            MaskRtException e = assertThrows(
                    MaskRtException.class,
                    () -> loop.generate(
                            request(1),
                            (stage, done, total) -> {
                                if (stage == Stage.DENOISE && done == 2) {
                                    cancellation.cancel();
                                }
                            },
                            cancellation));
            assertEquals(ExitCode.INTERRUPTED, e.code());
            assertEquals(4 + 3, device.count("launch"), "the device is one step ahead");
            assertClose("after", expected, latents(loop.generate(request(1))));
        }
    }

    @Test
    void whatTheDeviceCannotDoRunsStepByStepOnIt() throws IOException {
        GenerationRequest request = request(1, 2);
        try (DiffusionPipeline host = pipeline(reference(GuidedChannels.REFERENCE, 1), 8);
                DiffusionPipeline loop = pipeline(backend(GuidedChannels.REFERENCE, 1), 8)) {
            GenerationRequest learned = request.with(Sampling.ddpm("5"));
            assertClose("ddpm", latents(host.generate(learned)), latents(loop.generate(learned)));
            assertEquals(0, device.count("launch"));
            assertEquals(10, device.count("run denoiser"));
            GenerationRequest all = request.with(new GuidanceOptions(GUIDANCE, GuidedChannels.ALL, 0));
            assertClose("all channels", latents(host.generate(all)), latents(loop.generate(all)));
            assertEquals(0, device.count("launch"));
        }
        assertEquals(0, device.open());
    }

    @ParameterizedTest
    @CsvSource({"ddim", "ancestral", "dpm"})
    void knownPartsOfAPictureStay(String sampler) {
        byte[] pixels = new byte[3 * 8 * 8];
        new Random(3).nextBytes(pixels);
        InpaintRequest request = new InpaintRequest(
                new RgbImage(8, 8, pixels),
                Mask.of(8, 8, new Box(0, 0, 8, 3)),
                InpaintRequest.Method.REPLACE,
                request(1, 2).with(sampling(sampler)));
        try (DiffusionPipeline host = pipeline(reference(GuidedChannels.REFERENCE, 1), 8);
                DiffusionPipeline loop = pipeline(backend(GuidedChannels.REFERENCE, 1), 8)) {
            assertClose("latents", latents(host.inpaint(request)), latents(loop.inpaint(request)));
            assertEquals(6, device.count("launch"));
        }
    }

    @Test
    void severalThreadsShareTheLanes() throws Exception {
        try (DiffusionPipeline host = pipeline(reference(GuidedChannels.REFERENCE, 1), 2);
                DiffusionPipeline loop = pipeline(backend(GuidedChannels.REFERENCE, 2), 2)) {
            List<GenerationRequest> requests = List.of(
                    request(1, 2, 3).with(Sampling.ddim("4", 0.5)),
                    request(4),
                    request(5, 6).with(Sampling.dpmSolver("5")));
            List<float[]> expected = new ArrayList<>();
            requests.forEach(r -> expected.add(latents(host.generate(r))));
            ExecutorService threads = Executors.newFixedThreadPool(5);
            try {
                List<Future<float[]>> results = new ArrayList<>();
                for (int i = 0; i < 15; i++) {
                    GenerationRequest request = requests.get(i % 3);
                    results.add(threads.submit(() -> latents(loop.generate(request))));
                }
                for (int i = 0; i < 15; i++) {
                    assertClose(
                            "generation " + i,
                            expected.get(i % 3),
                            results.get(i).get());
                }
            } finally {
                threads.shutdownNow();
            }
            assertTrue(device.count("stream") <= 1 + 2, "that of the transfers, and two lanes");
        }
        assertEquals(0, device.open());
    }

    @Test
    void aThousandPipelinesLeaveNothingBehind() {
        for (int i = 0; i < 1000; i++) {
            try (DiffusionPipeline loop = pipeline(backend(GuidedChannels.REFERENCE, 1), 8)) {
                if (i % 100 == 0) {
                    loop.generate(request(1).with(Sampling.ddim("2")));
                } else {
                    loop.trajectory(new Trajectory(
                            new float[LATENT],
                            List.of(1),
                            new float[LATENT],
                            Sampling.ddim("1"),
                            GuidanceOptions.of(GUIDANCE)));
                }
            }
            assertEquals(0, device.open(), "cycle " + i);
        }
        assertEquals(1000, device.count("close device"));
    }

    @Test
    void enginesOnDemandComeAndGo() {
        DeviceBackend backend = backend(GuidedChannels.REFERENCE, 1);
        backend.share(new MemoryPlan(
                8, MemoryPlan.Bias.CONSTANT, true, Set.of("conditioner", "vae_decoder"), 1 << 20, 0, List.of()));
        try (DiffusionPipeline host = pipeline(reference(GuidedChannels.REFERENCE, 1), 8);
                DiffusionPipeline loop = pipeline(backend, 8)) {
            for (int i = 0; i < 2; i++) {
                assertClose("latents", latents(host.generate(request(1))), latents(loop.generate(request(1))));
            }
            assertEquals(1, device.count("load guided_step"));
            assertTrue(device.count("close conditioner") >= 2);
            assertTrue(device.count("close vae_decoder") >= 1);
            List<String> journal = device.journal();
            int loaded = 0;
            for (String event : journal) {
                boolean guest = event.endsWith("conditioner") || event.endsWith("vae_decoder");
                loaded += guest && event.startsWith("load") ? 1 : guest && event.startsWith("close") ? -1 : 0;
                assertTrue(loaded <= 1, "one at a time: " + journal);
            }
        }
        assertEquals(0, device.open());
    }

    /** The tables outlive the conditioner, and no engine or arena the work that it was loaded for. */
    @Test
    void enginesOneAtATimeGiveTheSame() {
        DeviceBackend backend = backend(GuidedChannels.REFERENCE, 1);
        backend.share(new MemoryPlan(
                8,
                MemoryPlan.Bias.CONSTANT,
                false,
                Set.of("conditioner", "guided_step", "half_step", "vae_decoder"),
                1 << 20,
                0,
                List.of()));
        GenerationRequest request = request(1, 2).with(Sampling.ddim("6")).with(guidance("middle"));
        try (DiffusionPipeline host = pipeline(reference(GuidedChannels.REFERENCE, 1), 8);
                DiffusionPipeline loop = pipeline(backend, 8)) {
            for (int i = 0; i < 2; i++) {
                assertClose("latents", latents(host.generate(request)), latents(loop.generate(request)));
            }
            assertEquals(2, device.count("capture"), "one for each generation");
            assertEquals(12, device.count("launch"));
            int loaded = 0;
            for (String event : device.journal()) {
                loaded += event.startsWith("load ") ? 1 : event.matches("close (?!device).*") ? -1 : 0;
                assertTrue(loaded <= 1, "one at a time: " + device.journal());
            }
            Cancellation cancellation = new Cancellation();
            assertThrows(
                    MaskRtException.class,
                    () -> loop.generate(
                            request,
                            (stage, done, total) -> {
                                if (stage == Stage.DENOISE && done == 2) {
                                    cancellation.cancel();
                                }
                            },
                            cancellation));
            assertClose("after", latents(host.generate(request)), latents(loop.generate(request)));
        }
        assertEquals(0, device.open());
    }

    @Test
    void withoutAGraphForOneHalfBothRun() {
        DeviceBackend backend = backend(GuidedChannels.REFERENCE, 1);
        backend.share(new MemoryPlan(8, MemoryPlan.Bias.CONSTANT, false, Set.of(), 1 << 20, 0, List.of()));
        GenerationRequest request = request(1, 2).with(guidance("middle")).with(Sampling.ddim("6"));
        try (DiffusionPipeline host = pipeline(reference(GuidedChannels.REFERENCE, 1), 8);
                DiffusionPipeline loop = pipeline(backend, 8)) {
            assertClose("latents", latents(host.generate(request)), latents(loop.generate(request)));
            assertEquals(0, device.count("load half_step"));
        }
    }

    @Test
    void memoryIsThatOfTheWeightsOneArenaAndTheTables() {
        try (DiffusionPipeline loop = pipeline(backend(GuidedChannels.REFERENCE, 1), 8)) {
            loop.generate(request(1));
            loop.generate(request(1, 2, 3));
            long tables = DeviceSteps.bytes(DIT, 1, 4) + DeviceSteps.bytes(DIT, 3, 4);
            // the conditioner runs for 4 steps, which is more than the 3 rows of the others
            long arena = 4L * (1000 + "conditioner".length());
            long pictures = 4L * (1 + 3) * (LATENT + 3 * 8 * 8);
            assertTrue(
                    device.peak() <= tables + arena + pictures,
                    device.peak() + " bytes, expected " + (tables + arena + pictures));
        }
    }
}

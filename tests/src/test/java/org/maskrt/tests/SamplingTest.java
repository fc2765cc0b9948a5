package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.GuidanceOptions;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.SampleWriter;
import org.maskrt.runtime.Sampling;
import org.maskrt.runtime.Seeds;

/** From a model folder to pictures, by exported graphs on ONNX Runtime. */
class SamplingTest {
    private static final PipelineOptions OPTIONS = PipelineOptions.DEFAULT.withThreads(1);
    private static final List<Integer> LABELS = List.of(1, 2, 3, 2, 1);

    @TempDir
    static Path temp;

    private static Path model;
    private static DiffusionPipeline pipeline;

    @BeforeAll
    static void export() {
        model = SampledModel.export(temp.resolve("model"), ExportOptions.DEFAULT);
        pipeline = DiffusionPipeline.open(model, OPTIONS);
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    private static GenerationRequest request() {
        return GenerationRequest.of(LABELS).with(Sampling.ddim("8", 0.7)).with(new Guidance.PowerCosine(3.8, 4, 1000));
    }

    @Test
    void theSameSeedGivesTheSameBytesInAnotherProcessState() {
        GenerationResult once = pipeline.generate(request());
        GenerationResult twice = pipeline.generate(request());
        try (DiffusionPipeline other = DiffusionPipeline.open(model, OPTIONS)) {
            GenerationResult again = other.generate(request());
            assertArrayEquals(once.nhwc(), twice.nhwc());
            assertArrayEquals(once.nhwc(), again.nhwc());
        }
        assertEquals(16, once.images().get(0).width());
        assertEquals(8, once.provenance().fusedSteps());
        assertTrue(once.timings().denoiseMillis() > 0 && once.timings().millisPerStep() > 0);
        byte[] first = once.images().get(0).pixels();
        assertTrue(
                IntStream.range(0, first.length).map(i -> first[i]).distinct().count() > 8, "a flat picture");
    }

    @Test
    void picturesDoNotDependOnTheBatch() {
        for (Seeds seeds : List.of(Seeds.perImage(5), Seeds.torchCpu(5))) {
            byte[] whole = pipeline.generate(request().with(seeds)).nhwc();
            for (int batch : new int[] {1, 2, 3}) {
                try (DiffusionPipeline split = DiffusionPipeline.open(model, OPTIONS.withMaxBatch(batch))) {
                    assertWithinOneLevel(
                            whole, split.generate(request().with(seeds)).nhwc());
                }
            }
        }
    }

    @Test
    void graphsOfAFixedBatchGiveTheSamePictures() {
        Path fixed = SampledModel.export(temp.resolve("fixed"), ExportOptions.DEFAULT.withBatch(2));
        try (DiffusionPipeline split = DiffusionPipeline.open(fixed, OPTIONS)) {
            assertWithinOneLevel(
                    pipeline.generate(request()).nhwc(),
                    split.generate(request()).nhwc());
        }
    }

    /** The channels that the graph was not exported with take the way over the host. */
    @Test
    void allChannelsAreGuidedWhicheverWay() {
        GuidanceOptions all = new GuidanceOptions(new Guidance.Constant(2), GuidedChannels.ALL, 0);
        GenerationResult host = pipeline.generate(request().with(all));
        assertEquals(0, host.provenance().fusedSteps());
        Path other = SampledModel.export(temp.resolve("all"), ExportOptions.DEFAULT.withGuided(GuidedChannels.ALL));
        try (DiffusionPipeline fused = DiffusionPipeline.open(other, OPTIONS)) {
            GenerationResult result = fused.generate(request().with(all));
            assertEquals(8, result.provenance().fusedSteps());
            assertWithinOneLevel(host.nhwc(), result.nhwc());
        }
    }

    @Test
    void severalThreadsGetWhatOneGets() throws Exception {
        GenerationRequest other = request().with(Seeds.perImage(9)).with(Sampling.ddpm("6"));
        byte[] alone = pipeline.generate(request()).nhwc();
        byte[] otherAlone = pipeline.generate(other).nhwc();
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            List<Future<byte[]>> results = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                GenerationRequest request = i % 2 == 0 ? request() : other;
                results.add(threads.submit(() -> pipeline.generate(request).nhwc()));
            }
            for (int i = 0; i < 6; i++) {
                assertArrayEquals(
                        i % 2 == 0 ? alone : otherAlone, results.get(i).get(), "generation " + i);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void picturesReachAFolder() {
        GenerationResult result = pipeline.generate(request());
        SampleWriter.Written written =
                new SampleWriter(temp.resolve("samples"), false, pipeline.classNames()).write(result);
        assertEquals(5, written.images().size());
        assertTrue(Files.isRegularFile(written.grid()));
        assertTrue(written.archive().endsWith("samples_5x16x16x3.npz"));
    }

    @Test
    void notANumberInTheWeightsOfAGraphIsFoundAtTheFirstStep() throws IOException {
        Path broken = copy("nan");
        Path data = broken.resolve("onnx/guided_step/model.onnx.data");
        byte[] nan = new byte[(int) Files.size(data)];
        Arrays.fill(nan, (byte) 0xFF);
        Files.write(data, nan);
        try (DiffusionPipeline sampler = DiffusionPipeline.open(broken, OPTIONS)) {
            MaskRtException e = assertThrows(MaskRtException.class, () -> sampler.generate(request()));
            assertEquals(ExitCode.NOT_FINITE, e.code());
            assertTrue(
                    e.getMessage()
                            .startsWith(broken.resolve("onnx/guided_step")
                                    + ": the latents are not finite after step 1 of 8 (timestep 999)"),
                    e.getMessage());
        }
    }

    @Test
    void aMissingDataFileIsNamed() throws IOException {
        Path broken = copy("nodata");
        Path data = broken.resolve("onnx/denoiser/model.onnx.data");
        Files.delete(data);
        try (DiffusionPipeline sampler = DiffusionPipeline.open(broken, OPTIONS)) {
            sampler.generate(request());
            MaskRtException e = assertThrows(
                    MaskRtException.class, () -> sampler.generate(request().with(Sampling.ddpm("4"))));
            assertEquals(
                    data + ": the weights of the graph denoiser are missing; copy the file to this place or make it"
                            + " again with `maskrt export`",
                    e.getMessage());
            assertEquals(ExitCode.FAILURE, e.code());
        }
    }

    private static Path copy(String name) throws IOException {
        Path target = temp.resolve(name);
        try (Stream<Path> files = Files.walk(model)) {
            for (Path file : files.toList()) {
                Path to = target.resolve(model.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(to);
                } else {
                    Files.copy(file, to);
                }
            }
        }
        return target;
    }

    /** Native memory that is not given back shows here: 100 generations, 800 steps. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void memoryStaysFlat() throws IOException {
        GenerationRequest request = request().with(Sampling.ddim("8", 0.7));
        for (int i = 0; i < 40; i++) {
            pipeline.generate(request);
        }
        long before = residentMiB();
        for (int i = 0; i < 100; i++) {
            pipeline.generate(request);
        }
        long grown = residentMiB() - before;
        assertTrue(grown < 24, "resident memory grew by " + grown + " MiB over 800 steps");
    }

    private static long residentMiB() throws IOException {
        System.gc();
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                        .filter(line -> line.startsWith("VmRSS:"))
                        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                        .sum()
                / 1024;
    }

    private static void assertWithinOneLevel(byte[] expected, byte[] actual) {
        assertEquals(expected.length, actual.length);
        for (int i = 0; i < expected.length; i++) {
            int difference = Math.abs(Byte.toUnsignedInt(expected[i]) - Byte.toUnsignedInt(actual[i]));
            assertTrue(difference <= 1, "byte " + i + ": " + expected[i] + " and " + actual[i]);
        }
    }
}

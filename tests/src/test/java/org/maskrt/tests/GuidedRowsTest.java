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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.DeviceTensor;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.Graph;
import org.maskrt.runtime.GraphSignature;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Sampling;
import org.maskrt.runtime.TensorSpec;

/** With two threads a guided step, or several rows of a half, run row by row: the same numbers as by the graph itself. */
class GuidedRowsTest {
    private static final GraphSignature STEP = GraphSignature.guidedStep(SampledModel.MDT);
    private static final GraphSignature HALVES = GraphSignature.denoiser(SampledModel.MDT);

    @TempDir
    static Path temp;

    private static Path model;

    @BeforeAll
    static void export() {
        model = SampledModel.export(temp.resolve("model"), ExportOptions.DEFAULT);
    }

    private static Path copy(Path from, Path to) throws IOException {
        try (var files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
            }
        }
        return to;
    }

    private static Map<String, float[]> step(Path folder, int threads, int batch, long seed) {
        try (Backend backend = Backend.named(Backend.DEFAULT, threads);
                Graph graph = backend.open(folder.resolve("onnx/guided_step"), STEP)) {
            return run(backend, graph, batch, seed);
        }
    }

    private static Map<String, float[]> halves(Path folder, int threads, int batch, long seed) {
        try (Backend backend = Backend.named(Backend.DEFAULT, threads);
                Graph graph = backend.open(folder.resolve("onnx/denoiser"), HALVES)) {
            return run(backend, graph, batch, seed);
        }
    }

    private static Map<String, float[]> run(Backend backend, Graph graph, int batch, long seed) {
        GraphSignature signature = graph.signature();
        Random random = new Random(seed);
        Map<String, DeviceTensor> in = new HashMap<>();
        Map<String, DeviceTensor> out = new HashMap<>();
        try {
            for (TensorSpec spec : signature.inputs()) {
                DeviceTensor tensor = backend.floats(spec.shape().with(0, batch).dims());
                float[] values = new float[tensor.shape().size()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) random.nextGaussian();
                }
                tensor.write(values);
                in.put(spec.name(), tensor);
            }
            for (TensorSpec spec : signature.outputs()) {
                out.put(spec.name(), backend.floats(spec.shape().with(0, batch).dims()));
            }
            Graph.Binding binding = graph.bind(in, out);
            binding.run();
            binding.run();
            Map<String, float[]> results = new HashMap<>();
            out.forEach((name, tensor) -> {
                float[] values = new float[tensor.shape().size()];
                tensor.read(values);
                results.put(name, values);
            });
            return results;
        } finally {
            in.values().forEach(DeviceTensor::close);
            out.values().forEach(DeviceTensor::close);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void rowsEqualTheGraph(int batch) {
        long seed = 40L + batch;
        Map<String, float[]> whole = step(model, 1, batch, seed);
        Map<String, float[]> rows = step(model, 2, batch, seed);
        whole.forEach((name, values) -> assertArrayEquals(values, rows.get(name), 2e-5f, name + ", seed " + seed));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void rowsOfAHalfEqualTheGraph(int batch) {
        long seed = 60L + batch;
        float[] whole = halves(model, 1, batch, seed).get("out_sample");
        assertArrayEquals(whole, halves(model, 2, batch, seed).get("out_sample"), 2e-5f, "seed " + seed);
    }

    @ParameterizedTest
    @EnumSource(GuidedChannels.class)
    void guidedChannelsAreThoseOfTheExport(GuidedChannels guided) throws IOException {
        Path folder = SampledModel.export(
                Files.createTempDirectory(temp, "guided").resolve("model"), ExportOptions.DEFAULT.withGuided(guided));
        Map<String, float[]> whole = step(folder, 1, 2, 7);
        Map<String, float[]> rows = step(folder, 2, 2, 7);
        whole.forEach((name, values) -> assertArrayEquals(values, rows.get(name), 2e-5f, name + ", seed 7"));
    }

    /** Rows take less than the graph: without the graph, or with one of other weights, the step's own runs. */
    @Test
    void withoutItsDenoiserTheStepRunsItself() throws IOException {
        Path folder = copy(model, temp.resolve("alone"));
        Map<String, float[]> whole = step(folder, 1, 2, 9);
        Path denoiser = folder.resolve("onnx/denoiser");
        Path report = denoiser.resolve("export.json");
        Files.writeString(report, Files.readString(report).replaceAll("\"weights_sha256\" : \"..", "$0ff"));
        Files.writeString(denoiser.resolve("model.onnx"), "not this one");
        assertArrayEquals(whole.get("eps"), step(folder, 2, 2, 9).get("eps"), 2e-5f);
        Files.delete(report);
        assertArrayEquals(whole.get("eps"), step(folder, 2, 2, 9).get("eps"), 2e-5f);
    }

    /** What does not run is looked at all the same. */
    @Test
    void aChangedStepRunsItself() throws IOException {
        Path folder = copy(model, temp.resolve("changed"));
        Path file = folder.resolve("onnx/guided_step/model.onnx");
        Files.writeString(file, "not a graph");
        MaskRtException e = assertThrows(MaskRtException.class, () -> step(folder, 2, 1, 1));
        assertTrue(e.getMessage().startsWith(file + ": ONNX Runtime cannot open this graph"), e.getMessage());
        Path data = copy(model, temp.resolve("cut")).resolve("onnx/guided_step/model.onnx.data");
        Files.write(data, Arrays.copyOf(Files.readAllBytes(data), 1000));
        e = assertThrows(
                MaskRtException.class, () -> step(data.getParent().getParent().getParent(), 2, 1, 1));
        assertTrue(e.getMessage().startsWith(data.resolveSibling("model.onnx").toString()), e.getMessage());
    }

    @Test
    void aDamagedDenoiserIsAnErrorOfItsFile() throws IOException {
        Path folder = copy(model, temp.resolve("damaged"));
        Path file = folder.resolve("onnx/denoiser/model.onnx");
        Files.writeString(file, "not a graph");
        MaskRtException e = assertThrows(MaskRtException.class, () -> step(folder, 2, 1, 1));
        assertTrue(e.getMessage().startsWith(file + ": ONNX Runtime cannot open this graph"), e.getMessage());
        e = assertThrows(MaskRtException.class, () -> halves(folder, 2, 2, 1));
        assertTrue(e.getMessage().startsWith(file + ": ONNX Runtime cannot open this graph"), e.getMessage());
    }

    @Test
    void aClosedGraphRefusesToRun() {
        for (GraphSignature signature : List.of(STEP, HALVES)) {
            try (Backend backend = Backend.named(Backend.DEFAULT, 2)) {
                Graph graph = backend.open(model.resolve("onnx").resolve(signature.name()), signature);
                graph.close();
                graph.close();
                MaskRtException e = assertThrows(MaskRtException.class, () -> run(backend, graph, 2, 1));
                assertTrue(e.getMessage().endsWith(" is closed"), e.getMessage());
            }
        }
    }

    @Test
    void severalThreadsShareTheGraph() throws Exception {
        Map<String, float[]> expected = step(model, 1, 2, 21);
        ExecutorService callers = Executors.newFixedThreadPool(4);
        try (Backend backend = Backend.named(Backend.DEFAULT, 2);
                Graph graph = backend.open(model.resolve("onnx/guided_step"), STEP)) {
            List<Future<Map<String, float[]>>> runs = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                runs.add(callers.submit(() -> run(backend, graph, 2, 21)));
            }
            for (Future<Map<String, float[]>> run : runs) {
                assertArrayEquals(expected.get("next_sample"), run.get().get("next_sample"), 2e-5f);
            }
        } finally {
            callers.shutdown();
        }
    }

    /** int8 quantises by the range of what runs at once, so only rows that run alone are the same in every batch. */
    @Test
    void quantisedPicturesDoNotDependOnTheBatch() {
        Path folder =
                SampledModel.export(temp.resolve("int8"), ExportOptions.of(GraphStyle.DEFAULT.with(Precision.INT8)));
        GenerationRequest request =
                GenerationRequest.of(List.of(1, 2, 3)).with(Sampling.ddim("4")).with(new Guidance.Constant(3));
        PipelineOptions options = PipelineOptions.DEFAULT.withThreads(2);
        try (DiffusionPipeline together = DiffusionPipeline.open(folder, options);
                DiffusionPipeline alone = DiffusionPipeline.open(folder, options.withMaxBatch(1))) {
            byte[] one = together.generate(request).nhwc();
            byte[] other = alone.generate(request).nhwc();
            assertEquals(one.length, other.length);
            for (int i = 0; i < one.length; i++) {
                // the decoder rounds to bytes
                assertEquals(one[i] & 0xff, other[i] & 0xff, 1, "byte " + i);
            }
            assertEquals(4, together.generate(request).provenance().fusedSteps());
        }
    }
}

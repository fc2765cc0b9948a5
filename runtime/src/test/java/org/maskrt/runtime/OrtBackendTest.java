package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.maskrt.models.ops.Shape.BATCH;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class OrtBackendTest {
    private static final GraphSignature SCALED = new GraphSignature(
            "scaled", List.of(TensorSpec.fp32("sample", BATCH, 3)), List.of(TensorSpec.fp32("out_sample", BATCH, 3)));

    @TempDir
    Path folder;

    private final Backend backend = Backend.named("ort-cpu", 1);

    private static TinyOnnx scaled(String input) {
        return new TinyOnnx()
                .input(input, ElementType.FP32, BATCH, 3)
                .externalVector("weight", 3)
                .node("Mul", "out_sample", input, "weight")
                .output("out_sample", BATCH, 3);
    }

    private Path scaledGraph() {
        return scaled("sample").write(folder, 2, 3, 4);
    }

    @Test
    void runsInPlaceAsOftenAsAsked() {
        try (Graph graph = backend.open(scaledGraph(), SCALED);
                DeviceTensor x = backend.floats(2, 3);
                DeviceTensor y = backend.floats(2, 3)) {
            Graph.Binding forward = graph.bind(Map.of("sample", x), Map.of("out_sample", y));
            Graph.Binding back = graph.bind(Map.of("sample", y), Map.of("out_sample", x));
            x.write(new float[] {1, 1, 1, 2, 2, 2});
            forward.run();
            assertArrayEquals(new float[] {2, 3, 4, 4, 6, 8}, values(y));
            back.run();
            assertArrayEquals(new float[] {4, 9, 16, 8, 18, 32}, values(x));
            forward.run();
            assertArrayEquals(new float[] {8, 27, 64, 16, 54, 128}, values(y));
        }
    }

    @Test
    void partsOfATensorAreWrittenReadAndCopied() {
        try (DeviceTensor a = backend.floats(4);
                DeviceTensor b = backend.floats(4)) {
            a.write(1, new float[] {9, 5, 6}, 1, 2);
            b.copy(2, a, 1, 2);
            assertArrayEquals(new float[] {0, 0, 5, 6}, values(b));
            float[] part = new float[3];
            b.read(2, part, 1, 2);
            assertArrayEquals(new float[] {0, 5, 6}, part);
        }
    }

    @Test
    void theNamesOfOtherExportersAreAccepted() {
        try (Graph graph = backend.open(scaled("x").write(folder, 2, 3, 4), SCALED);
                DeviceTensor x = backend.floats(1, 3);
                DeviceTensor y = backend.floats(1, 3)) {
            x.write(new float[] {1, 2, 3});
            graph.bind(Map.of("sample", x), Map.of("out_sample", y)).run();
            assertArrayEquals(new float[] {2, 6, 12}, values(y));
        }
    }

    @Test
    void anotherGraphIsRefused() {
        scaledGraph();
        String where = folder.resolve("model.onnx") + ": expected the ";
        GraphSignature otherName = new GraphSignature("g", List.of(TensorSpec.fp32("noise", BATCH, 3)), List.of());
        GraphSignature otherShape = new GraphSignature("g", List.of(TensorSpec.fp32("sample", BATCH, 4)), List.of());
        GraphSignature otherType = new GraphSignature("g", List.of(TensorSpec.int64("sample", BATCH, 3)), List.of());
        GraphSignature noInput = new GraphSignature("g", List.of(), List.of());
        GraphSignature otherOutput =
                new GraphSignature("g", SCALED.inputs(), List.of(TensorSpec.fp32("eps", BATCH, 3)));
        String has = ", the graph has sample fp32[B,3]; export the model again";
        assertRefused(where + "input noise fp32[B,3]" + has, otherName);
        assertRefused(where + "input sample fp32[B,4]" + has, otherShape);
        assertRefused(where + "input sample int64[B,3]" + has, otherType);
        assertRefused(where + "inputs [] and no other" + has, noInput);
        assertRefused(
                where + "output eps fp32[B,3], the graph has out_sample fp32[B,3]; export the model again",
                otherOutput);
    }

    private void assertRefused(String message, GraphSignature expected) {
        assertEquals(
                message,
                assertThrows(MaskRtException.class, () -> backend.open(folder, expected))
                        .getMessage());
    }

    @Test
    void aMissingGraphIsNamed() {
        assertRefused(
                folder.resolve("model.onnx") + ": the graph scaled is missing; make it with `maskrt export`", SCALED);
    }

    @Test
    void aMissingDataFileIsNamedBeforeTheGraphIsOpened() throws IOException {
        scaledGraph();
        Files.delete(folder.resolve("model.onnx.data"));
        assertRefused(
                folder.resolve("model.onnx.data") + ": the weights of the graph scaled are missing; copy the file to"
                        + " this place or make it again with `maskrt export`",
                SCALED);
    }

    @Test
    void aDamagedGraphOrDataFileIsOneLine() throws IOException {
        scaledGraph();
        Files.write(folder.resolve("model.onnx.data"), new byte[4]);
        assertDamaged();
        scaledGraph();
        Files.write(folder.resolve("model.onnx"), new byte[] {1, 2, 3});
        assertDamaged();
    }

    private void assertDamaged() {
        MaskRtException e = assertThrows(MaskRtException.class, () -> backend.open(folder, SCALED));
        assertTrue(
                e.getMessage()
                        .startsWith(folder.resolve("model.onnx")
                                + ": ONNX Runtime cannot open this graph; export it again ("),
                e.getMessage());
        assertEquals(1, e.getMessage().lines().count());
        assertEquals(ExitCode.FAILURE, e.code());
    }

    @Test
    void tensorsThatDoNotFitAreRefused() {
        String file = folder.resolve("model.onnx").toString();
        try (Graph graph = backend.open(scaledGraph(), SCALED);
                DeviceTensor x = backend.floats(2, 3);
                DeviceTensor wide = backend.floats(2, 4);
                DeviceTensor more = backend.floats(3, 3)) {
            assertEquals(
                    file + ": expected the inputs [sample fp32[B,3]], got the input sample fp32[2,4]",
                    message(() -> graph.bind(Map.of("sample", wide), Map.of("out_sample", x))));
            assertEquals(
                    file + ": expected the outputs [out_sample fp32[B,3]], got the output eps fp32[2,3]",
                    message(() -> graph.bind(Map.of("sample", x), Map.of("eps", x))));
            assertEquals(
                    file + ": expected the inputs [sample fp32[B,3]] and some of the outputs [out_sample fp32[B,3]],"
                            + " got [] and [out_sample]",
                    message(() -> graph.bind(Map.of(), Map.of("out_sample", x))));
            Graph.Binding unequal = graph.bind(Map.of("sample", x), Map.of("out_sample", more));
            assertTrue(message(unequal::run).startsWith(file + ": the run failed ("));
            assertThrows(IllegalArgumentException.class, () -> x.writeIndices(new long[6]));
            assertThrows(IndexOutOfBoundsException.class, () -> x.write(new float[7]));
        }
    }

    @Test
    void useAfterCloseIsAnErrorAndClosingTwiceIsNot() {
        Graph graph = backend.open(scaledGraph(), SCALED);
        DeviceTensor x = backend.floats(1, 3);
        DeviceTensor y = backend.floats(1, 3);
        Graph.Binding binding = graph.bind(Map.of("sample", x), Map.of("out_sample", y));
        y.close();
        y.close();
        assertEquals("the tensor [1,3] is closed", message(binding::run));
        assertEquals("the tensor [1,3] is closed", message(() -> y.read(new float[3])));
        DeviceTensor z = backend.floats(1, 3);
        Graph.Binding other = graph.bind(Map.of("sample", x), Map.of("out_sample", z));
        graph.close();
        graph.close();
        assertEquals(folder.resolve("model.onnx") + ": the graph is closed", message(other::run));
        x.close();
        z.close();
    }

    @Test
    void severalThreadsShareAGraph() {
        try (Graph graph = backend.open(scaledGraph(), SCALED)) {
            IntStream.range(0, 32).parallel().forEach(i -> {
                try (DeviceTensor x = backend.floats(1, 3);
                        DeviceTensor y = backend.floats(1, 3)) {
                    x.write(new float[] {i, i, i});
                    graph.bind(Map.of("sample", x), Map.of("out_sample", y)).run();
                    assertArrayEquals(new float[] {2 * i, 3 * i, 4 * i}, values(y));
                }
            });
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ort-cuda", "ort-trt"})
    void aBackendOfAnotherBuildIsNotReplaced(String name) {
        assumeFalse(OrtEnvironment.getAvailableProviders().contains(OrtProvider.CUDA), "built with -Pgpu-ort");
        MaskRtException e = assertThrows(MaskRtException.class, () -> Backend.named(name, 0));
        assertEquals(
                name
                        + ": this build has ONNX Runtime for processors only; build with MASKRT_BUILD=-Pgpu-ort, or use --backend"
                        + " ort-cpu",
                e.getMessage());
        assertEquals(ExitCode.ENVIRONMENT, e.code());
    }

    @Test
    void enginesOfDifferentGraphsAreKeptApart() throws IOException {
        Files.writeString(folder.resolve("model.onnx"), "a");
        Files.writeString(folder.resolve("export.json"), "{\"dtype\":\"fp16\",\"weights_sha256\":\"77aa\"}");
        String first = OrtDevice.enginePrefix(folder);
        assertTrue(first.matches(".*_fp16_[0-9a-f]{16}"), first);
        assertEquals(first, OrtDevice.enginePrefix(folder));
        Files.writeString(folder.resolve("model.onnx"), "b");
        assertNotEquals(first, OrtDevice.enginePrefix(folder), "another graph");
        Files.writeString(folder.resolve("model.onnx"), "a");
        Files.writeString(folder.resolve("export.json"), "{\"dtype\":\"fp16\",\"weights_sha256\":\"77ab\"}");
        assertNotEquals(first, OrtDevice.enginePrefix(folder), "other weights");
        Files.writeString(folder.resolve("export.json"), "{\"dtype\":\"fp32\",\"weights_sha256\":\"77aa\"}");
        assertNotEquals(first, OrtDevice.enginePrefix(folder), "another type");
    }

    @Test
    void anUnknownBackendOrThreadCountIsAUsageError() {
        MaskRtException e = assertThrows(MaskRtException.class, () -> Backend.named("gpu", 0));
        assertEquals("there is no backend gpu; use --backend ort-cpu, ort-cuda, ort-trt or trt", e.getMessage());
        assertEquals(ExitCode.USAGE, e.code());
        assertEquals("threads must be 0 (one per core) or more, got -1", message(() -> Backend.named("ort-cpu", -1)));
    }

    private static String message(org.junit.jupiter.api.function.Executable action) {
        return assertThrows(MaskRtException.class, action).getMessage();
    }

    private static float[] values(DeviceTensor tensor) {
        float[] values = new float[tensor.shape().size()];
        tensor.read(values);
        return values;
    }
}

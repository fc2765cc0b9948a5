package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.maskrt.models.ops.Shape.BATCH;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

class ForeignGraphTest {
    @TempDir
    Path folder;

    private final OrtBackend backend = new OrtBackend(OrtDevice.CPU, 1);

    private ForeignGraph difference() {
        Path written = new TinyOnnx()
                .input("first", ElementType.FP32, BATCH, BATCH)
                .input("second", ElementType.FP32, BATCH, 2)
                .input("third", ElementType.INT64, BATCH)
                .node("Sub", "difference", "first", "second")
                .node("Neg", "negative", "difference")
                .output("difference", BATCH, 2)
                .output("negative", BATCH, BATCH)
                .write(folder);
        return backend.openForeign(written.resolve("model.onnx"));
    }

    @Test
    void namesShapesAndResultsAreTheFiles() {
        Path written = new TinyOnnx()
                .input("first", ElementType.FP32, BATCH, BATCH)
                .input("second", ElementType.FP32, 1, 2)
                .node("Sub", "difference", "first", "second")
                .node("Neg", "negative", "difference")
                .output("difference", BATCH, 2)
                .output("negative", BATCH, BATCH)
                .write(folder);
        try (ForeignGraph graph = backend.openForeign(written.resolve("model.onnx"))) {
            assertEquals(List.of("first", "second"), List.copyOf(graph.inputs().keySet()));
            assertEquals(Shape.of(BATCH, BATCH), graph.inputs().get("first"));
            assertEquals(Shape.of(1, 2), graph.inputs().get("second"));
            assertEquals(
                    List.of("difference", "negative"),
                    List.copyOf(graph.outputs().keySet()));
            Tensor second = Tensor.of(new float[] {1, 2}, 1, 2);
            for (int rows : new int[] {1, 3}) {
                Map<String, Tensor> results =
                        graph.run(Map.of("first", Tensor.zeros(rows, 2), "second", second), Set.of("negative"));
                assertEquals(Set.of("negative"), results.keySet());
                Tensor negative = results.get("negative");
                assertEquals(Shape.of(rows, 2), negative.shape());
                float[] expected = rows == 1 ? new float[] {1, 2} : new float[] {1, 2, 1, 2, 1, 2};
                assertArrayEquals(expected, negative.values());
            }
        }
    }

    @Test
    void refusesWhatDoesNotRun() {
        Path missing = folder.resolve("none.onnx");
        assertEquals(
                missing + ": there is no such ONNX file; check the path",
                assertThrows(MaskRtException.class, () -> backend.openForeign(missing))
                        .getMessage());
        try (ForeignGraph graph = difference()) {
            assertEquals(Set.of("first", "second"), graph.inputs().keySet(), "fp32 only");
            Map<String, Tensor> one = Map.of("first", Tensor.zeros(1, 2));
            MaskRtException e = assertThrows(MaskRtException.class, () -> graph.run(one, Set.of("negative")));
            assertTrue(
                    e.getMessage()
                            .startsWith(folder.resolve("model.onnx")
                                    + ": expected inputs {first=[B,B], second=[B,2]}, the run on {first=fp32[1,2]} failed;"
                                    + " check the graph ("),
                    e.getMessage());
        }
    }
}

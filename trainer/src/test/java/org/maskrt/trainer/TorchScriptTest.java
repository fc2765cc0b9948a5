package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/** Recorded by {@code tests/record/metrics.py}; the values that it gives are held by the tests of {@code perf}. */
class TorchScriptTest {
    private static final Path MODULE = Path.of("../perf/src/test/resources/metrics/network.pt");

    @TempDir
    Path folder;

    @Test
    void givesTheTensorsOfItsTuple() {
        try (TorchScript module = TorchScript.open(MODULE)) {
            List<Shape> shapes = module.run(List.of(Tensor.zeros(2, 3, 8, 12))).stream()
                    .map(Tensor::shape)
                    .toList();
            assertEquals(List.of(Shape.of(2, 8), Shape.of(2, 8, 2, 3), Shape.of(2, 5)), shapes);
            MaskRtException e =
                    assertThrows(MaskRtException.class, () -> module.run(List.of(Tensor.zeros(2, 4, 8, 12))));
            assertEquals(ExitCode.FAILURE, e.code());
            assertTrue(
                    e.getMessage()
                                    .startsWith(MODULE
                                            + ": expected a module that takes [fp32[2,4,8,12]], running it failed (")
                            && e.getMessage().endsWith("); check what it takes")
                            && e.getMessage().lines().count() == 1,
                    e.getMessage());
        }
    }

    @Test
    void refusesOtherFiles() throws IOException {
        Path missing = folder.resolve("none.pt");
        assertEquals(
                missing + ": there is no such TorchScript file; check the path",
                assertThrows(MaskRtException.class, () -> TorchScript.open(missing))
                        .getMessage());
        Path text = Files.writeString(folder.resolve("text.pt"), "no module");
        MaskRtException e = assertThrows(MaskRtException.class, () -> TorchScript.open(text));
        assertTrue(
                e.getMessage().startsWith(text + ": expected a TorchScript module, PyTorch cannot load it (")
                        && e.getMessage().lines().count() == 1,
                e.getMessage());
    }
}

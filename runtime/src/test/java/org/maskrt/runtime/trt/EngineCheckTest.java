package org.maskrt.runtime.trt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.reference.Parity;
import org.maskrt.runtime.SelfCheck;

class EngineCheckTest {
    private static final EngineSidecar MADE = new EngineSidecar(
            new ExportedGraph("guided_step", "bf16", "constant", "0a", "77aa"),
            EngineOptions.DEFAULT,
            FakeWorker.PLATFORM,
            new EngineSidecar.Result(6, 28, 28, 1024, 61.5, "2026-01-01T00:00:00Z"));

    @TempDir
    Path folder;

    private static Parity parity(double difference) {
        return new Parity("eps", difference, 2, 0, SelfCheck.bound("bf16"));
    }

    @Test
    void whatPassesIsMarkedWithItsFigure() throws IOException {
        Path plan = folder.resolve("any.plan");
        Files.writeString(plan, "a plan");
        MADE.write(plan);
        assertFalse(EngineSidecar.read(plan).checked().passed());
        EngineSidecar checked = EngineCheck.passed(plan, MADE, parity(0.008));
        checked.write(plan);
        assertEquals(
                new EngineSidecar.Checked(true, 0.004, 0.01, "the fp32 graph on ort-cpu"),
                EngineSidecar.read(plan).checked());
        assertTrue(Files.readString(EngineSidecar.of(plan)).contains("\"difference\" : 0.004"));
    }

    @Test
    void whatDiffersTooMuchFailsWithTheFigure() {
        Path plan = folder.resolve("any.plan");
        for (double difference : new double[] {0.0262, Double.POSITIVE_INFINITY}) {
            MaskRtException e =
                    assertThrows(MaskRtException.class, () -> EngineCheck.passed(plan, MADE, parity(difference)));
            assertEquals(ExitCode.TOLERANCE, e.code());
            assertEquals(
                    plan + ": expected eps within 1e-02 of the fp32 graph on ONNX Runtime, relative to its maximum, the"
                            + " engine differs by " + (Double.isInfinite(difference) ? "Infinity" : "1.3e-02")
                            + " and is not used; build it again with another --dtype, or without --hardware-compatible",
                    e.getMessage());
        }
        assertEquals(3e-3, SelfCheck.bound("fp16"));
    }
}

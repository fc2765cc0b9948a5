package org.maskrt.perf.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Tensor;

class RoundsTest {
    private final List<String> order = new ArrayList<>();

    private Contender.Trial trial(String name, double millis) {
        return new Contender.Trial() {
            @Override
            public double run() {
                order.add(name);
                return millis;
            }

            @Override
            public Tensor result() {
                return Tensor.zeros(1);
            }

            @Override
            public void close() {}
        };
    }

    @Test
    void roundsGoForwardsAndBackwards() {
        List<List<Times>> times = new Rounds(new Protocol(0, 6, 0), BenchListener.NONE)
                .measure("test", 3, List.of(trial("a", 10), trial("b", 20)));
        assertEquals(List.of("a", "b", "a", "b", "b", "a", "a", "b"), order.subList(0, 8));
        assertEquals(
                times.get(0).stream().mapToInt(t -> t.millis().size()).sum(),
                times.get(1).stream().mapToInt(t -> t.millis().size()).sum());
        for (Times t : times.get(1)) {
            assertEquals(3, t.batch());
            assertTrue(t.millis().stream().allMatch(m -> m == 20));
        }
    }

    @Test
    void impossibleProtocolsAreRefused() {
        for (Runnable bad : List.<Runnable>of(
                () -> new Protocol(-1, 10, 3),
                () -> new Protocol(200, 0, 3),
                () -> new Protocol(200, 10, Double.NaN))) {
            MaskRtException e = assertThrows(MaskRtException.class, bad::run);
            assertEquals(ExitCode.USAGE, e.code());
            assertTrue(e.getMessage().startsWith("expected a warm-up and a duration of 0 or more"), e.getMessage());
        }
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> new Workload("guided_step", List.of(1, 0), 20, 32, 1));
        assertTrue(e.getMessage().contains("--batch [0, 1]"), e.getMessage());
    }
}

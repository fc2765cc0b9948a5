package org.maskrt.perf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.maskrt.models.reference.Parity;
import org.maskrt.perf.CorePlacement.Tag;
import org.maskrt.perf.Samples.Pair;

class SamplesTest {
    @Test
    void placementsAreNotMixed() {
        Samples samples = new Samples(
                List.of(
                        new Pair(10, 20, Tag.NEAR),
                        new Pair(30, 40, Tag.FAR),
                        new Pair(12, 20, Tag.NEAR),
                        new Pair(11, 44, Tag.NEAR)),
                1);
        List<Samples.Summary> found = samples.summaries();
        assertEquals(2, found.size());
        assertEquals(Tag.NEAR, found.get(0).placement());
        assertEquals(11, found.get(0).median().middle());
        assertEquals(10.2, found.get(0).median().low(), 1e-12);
        assertEquals(20, found.get(0).baseline().middle());
        assertEquals(0.5, found.get(0).ratio());
        assertEquals(0.75, found.get(1).ratio());
    }

    /** 50 GFLOP in 250 ms are 200 GFLOP/s. */
    @Test
    void theFractionIsOfTheMeasuredProduct() {
        GuidedStepBench.Measured measured =
                new GuidedStepBench.Measured("any", 50, new Parity("x", 0, 1, 0, 1e-4), new Samples(List.of(), 0));
        assertEquals(0.8, measured.fraction(250, 250), 1e-12);
    }

    @Test
    void roundTripsAndMemoryAreMeasured() {
        assertTrue(CorePlacement.roundTripNanos() > 0);
        assertEquals(Tag.NEAR, CorePlacement.of(50));
        assertEquals(Tag.FAR, CorePlacement.of(330));
        PeakMemory.bytes().ifPresent(bytes -> assertTrue(bytes > 1 << 20));
    }
}

package org.maskrt.perf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
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
        assertEquals(new Spread(0.3, 0.5, 0.58), rounded(found.get(0).ratio()));
        assertEquals(0.75, found.get(1).ratio().middle());
    }

    /** Ratios 0.25, 0.5 and 0.6. */
    private static Spread rounded(Spread s) {
        return new Spread(Math.round(s.low() * 1e9) / 1e9, s.middle(), Math.round(s.high() * 1e9) / 1e9);
    }

    @Test
    void roundTripsAndMemoryAreMeasured() {
        assertTrue(CorePlacement.roundTripNanos() > 0);
        assertEquals(Tag.NEAR, CorePlacement.of(50));
        assertEquals(Tag.FAR, CorePlacement.of(330));
        PeakMemory.bytes().ifPresent(bytes -> assertTrue(bytes > 1 << 20));
    }
}

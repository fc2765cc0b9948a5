package org.maskrt.perf.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SnrTest {
    @Test
    void byHand() {
        // signal 25, noise 0.25
        assertEquals(20, Snr.of(new float[] {3, 4}, new float[] {3.5f, 4}), 1e-12);
        assertEquals(Double.POSITIVE_INFINITY, Snr.of(new float[] {3, 4}, new float[] {3, 4}));
        assertTrue(Double.isNaN(Snr.of(new float[] {3, 4}, new float[] {3, Float.NaN})));
        assertEquals(Double.NEGATIVE_INFINITY, Snr.of(new float[2], new float[] {0, 1}));
    }

    @Test
    void energiesAddUp() {
        Snr snr = new Snr();
        snr.add(new float[] {3}, new float[] {3.5f});
        snr.add(new float[] {4}, new float[] {4});
        assertEquals(20, snr.decibels(), 1e-12);
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> snr.add(new float[2], new float[3]));
        assertEquals("expected as many values, got 2 and 3", e.getMessage());
    }
}

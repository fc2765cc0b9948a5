package org.maskrt.models.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class DirectionReuseTest {
    /** Two channels of two pixels, of which one is guided; the direction on it is {@code d}. */
    private static void renew(DirectionReuse reuse, float d) {
        reuse.renew(new float[] {9, 9, 9, 9, 1 + d, 2 + d, 5, 6}, new float[] {0, 0, 0, 0, 1, 2, 3, 4}, 1);
    }

    @Test
    void theFirstStepRunsBothHalves() {
        assertTrue(new DirectionReuse(1e9, 4, 2).advance(2));
        assertTrue(new DirectionReuse(1e9, 4, 2).advance(0));
    }

    @Test
    void errorsAddUpToTheTolerance() {
        DirectionReuse reuse = new DirectionReuse(1, 4, 2);
        assertTrue(reuse.advance(2));
        renew(reuse, 0.5f);
        // all of the direction, 0.5, per step and times the effect, 2: the first step without would be wrong by 1, the
        // second by 2 more
        assertFalse(reuse.advance(2));
        assertTrue(reuse.advance(2));
        renew(reuse, 0.7f);
        // 0.2 in two steps, so 0.1 in one: 0.2, 0.2 + 0.4, 0.6 + 0.6
        assertFalse(reuse.advance(2));
        assertFalse(reuse.advance(-2));
        assertTrue(reuse.advance(2));
    }

    @Test
    void withoutGuidanceTimePassesAlone() {
        DirectionReuse reuse = new DirectionReuse(1, 4, 2);
        reuse.advance(2);
        renew(reuse, 0.5f);
        for (int i = 0; i < 5; i++) {
            assertFalse(reuse.advance(0));
        }
        assertTrue(reuse.advance(2));
    }

    @Test
    void theGuidedChannelsAreMadeUp() {
        DirectionReuse reuse = new DirectionReuse(1, 4, 2);
        reuse.advance(2);
        renew(reuse, 0.5f);
        float[] unconditional = new float[8];
        reuse.fill(new float[] {0, 0, 0, 0, 10, 20, 30, 40}, unconditional, 1);
        assertArrayEquals(new float[] {0, 0, 0, 0, 9.5f, 19.5f, 0, 0}, unconditional);
    }

    @Test
    void whatIsNotFiniteIsNotReused() {
        DirectionReuse reuse = new DirectionReuse(1e9, 4, 2);
        reuse.advance(2);
        renew(reuse, Float.NaN);
        assertTrue(reuse.advance(2));
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, Double.NaN, Double.POSITIVE_INFINITY})
    void aToleranceIsFiniteAndNotNegative(double tolerance) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> new DirectionReuse(tolerance, 4, 2));
        assertEquals(ExitCode.USAGE, e.code());
        assertTrue(
                e.getMessage().startsWith("reuse: expected a tolerance of 0 or more, got " + tolerance),
                e.getMessage());
    }
}

package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Objects;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.maskrt.models.MaskRtException;
import org.maskrt.trainer.MaskSchedule.Unmasking;

class MaskScheduleTest {
    private static final int TOKENS = 256;

    private static int hidden(MaskSchedule schedule, long step, RandomGenerator random) {
        return TOKENS
                - Objects.requireNonNull(schedule.plan(2, TOKENS, step, random))
                        .keep()
                        .dim(1);
    }

    @Test
    void aFixedRatioHidesTheSameShareAtEachStep() {
        MaskSchedule fixed = MaskSchedule.fixed(0.5, 0);
        for (long step = 0; step < 5; step++) {
            assertEquals(TOKENS / 2, hidden(fixed, step, new SplittableRandom(step)));
        }
        assertNull(MaskSchedule.fixed(0, 0.2).plan(2, TOKENS, 0, new SplittableRandom(0)));
    }

    @Test
    void aDrawnRatioIsUniformInItsRange() {
        MaskSchedule drawn = MaskSchedule.fixed(0.3, 0.2);
        double sum = 0;
        int least = TOKENS;
        int most = 0;
        for (long step = 0; step < 500; step++) {
            int hidden = hidden(drawn, step, new SplittableRandom(step));
            sum += hidden;
            least = Math.min(least, hidden);
            most = Math.max(most, hidden);
        }
        assertTrue(least >= 0.3 * TOKENS && least < 0.31 * TOKENS + 1, "least " + least);
        assertTrue(most <= 0.5 * TOKENS + 1 && most > 0.49 * TOKENS, "most " + most);
        assertEquals(0.4 * TOKENS, sum / 500, 0.015 * TOKENS);
    }

    @Test
    void theRatioFallsAsPublished() {
        MaskSchedule cosine = new MaskSchedule(0.5, 0, Unmasking.COSINE, 10, 4);
        for (int i = 0; i < 5; i++) {
            assertEquals(Math.pow(Math.cos(Math.PI / 8 * i), 4), cosine.factor(10 + i), 1e-12);
        }
        assertEquals(1, cosine.factor(9));
        assertEquals(0, cosine.factor(14));
        MaskSchedule zero = new MaskSchedule(0.5, 0, Unmasking.ZERO, 10, 0);
        assertEquals(1, zero.factor(9));
        assertNull(zero.plan(1, TOKENS, 10, new SplittableRandom(1)));
    }

    @Test
    void sharesOutsideTheRangeAreRefused() {
        assertEquals(
                "masking: mask_ratio must be in [0, 1), got 1.0",
                assertThrows(MaskRtException.class, () -> MaskSchedule.fixed(1, 0))
                        .getMessage());
        assertEquals(
                "masking: mask_range must be in [0, 1 - mask_ratio), got 0.6",
                assertThrows(MaskRtException.class, () -> MaskSchedule.fixed(0.5, 0.6))
                        .getMessage());
    }
}

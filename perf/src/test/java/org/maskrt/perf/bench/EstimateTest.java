package org.maskrt.perf.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.maskrt.perf.Spread;

/** Verdicts on times whose distribution is known: 3 % of noise, neighbours alike. */
class EstimateTest {
    private static final int TRIALS = 100;

    @Test
    void theSameIsNoDifference() {
        int wrong = 0;
        int wrongPaired = 0;
        for (int seed = 0; seed < TRIALS; seed++) {
            double[] a = Results.times(40, 10, 2L * seed);
            double[] b = Results.times(40, 10, 2L * seed + 1);
            wrong += Verdict.of(Estimate.unpaired(a, b, Comparison.RESOLUTION), a.length) == Verdict.NO_DIFFERENCE
                    ? 0
                    : 1;
            wrongPaired += Verdict.of(Estimate.paired(a, b), a.length) == Verdict.NO_DIFFERENCE ? 0 : 1;
        }
        assertTrue(wrong <= 2, wrong + " of " + TRIALS + " comparisons of the same saw a difference");
        assertTrue(wrongPaired <= 12, wrongPaired + " of " + TRIALS + " pairs of the same saw a difference");
    }

    @Test
    void tenPercentAreSeen() {
        int seen = 0;
        for (int seed = 0; seed < TRIALS; seed++) {
            double[] old = Results.times(40, 10, 2L * seed);
            double[] now = Results.times(40, 11, 2L * seed + 1);
            Spread ratio = Estimate.unpaired(now, old, Comparison.RESOLUTION);
            seen += Verdict.of(ratio, now.length) == Verdict.SLOWER ? 1 : 0;
            assertEquals(1.1, ratio.middle(), 0.05);
            assertEquals(Verdict.FASTER, Verdict.of(Estimate.paired(old, now), now.length), "paired, seed " + seed);
        }
        assertTrue(seen >= 95, "10 % were seen in " + seen + " of " + TRIALS);
    }

    /** What both drift by together cancels in pairs. */
    @Test
    void pairsSeeTwoPercentUnderDrift() {
        double[] a = new double[60];
        double[] b = new double[60];
        double[] noise = Results.times(60, 1, 3);
        for (int i = 0; i < a.length; i++) {
            double drift = 1 + i / 60.0;
            a[i] = 10.2 * drift * (1 + (noise[i] - 1) / 10);
            b[i] = 10 * drift;
        }
        assertEquals(Verdict.SLOWER, Verdict.of(Estimate.paired(a, b), a.length));
        assertEquals(Verdict.NO_DIFFERENCE, Verdict.of(Estimate.unpaired(a, b, 0.01), a.length));
    }

    /** Of 10 runs all lie on one side of the median in 2 of 1024 cases; of 12, all but one in 26 of 4096. */
    @Test
    void fewRunsHaveTheirOrderStatistics() {
        double[] ones = new double[12];
        double[] values = new double[12];
        for (int i = 0; i < 12; i++) {
            ones[i] = 1;
            values[i] = 12 - i;
        }
        assertEquals(new Spread(2, 6.5, 11), Estimate.paired(values, ones));
        assertEquals(new Spread(3, 7.5, 12), Estimate.paired(Arrays.copyOf(values, 10), Arrays.copyOf(ones, 10)));
    }

    @Test
    void fewRunsSayNothing() {
        double[] a = {20, 20, 20, 20, 20};
        double[] b = {10, 10, 10, 10, 10};
        assertEquals(new Spread(2, 2, 2), Estimate.paired(a, b));
        assertEquals(Verdict.NO_DIFFERENCE, Verdict.of(Estimate.paired(a, b), 5));
        assertEquals(Verdict.SLOWER, Verdict.of(new Spread(2, 2, 2), 6));
    }
}

package org.maskrt.perf.bench;

import java.util.Arrays;
import java.util.Random;
import org.maskrt.perf.Spread;

/**
 * The ratio of two medians with its 99 % interval, by a circular block bootstrap (Politis and Romano, 1992): neighbouring runs resemble each other, so
 * whole stretches of them are drawn again. On times whose neighbours correlate by a half, three to seven of a hundred such intervals miss the ratio.
 */
public final class Estimate {
    /** From this many runs on all lie on one side of the true median with a probability below 5 %. */
    public static final int ENOUGH = 6;

    /** From this many runs on there are blocks enough to draw from. */
    private static final int BLOCKS_FROM = 20;

    private static final int RESAMPLES = 1000;
    private static final double TAIL = 0.005;
    private static final long SEED = 1;

    private Estimate() {}

    /** The median of the ratios {@code a[i] / b[i]} of runs taken in turn. Of few, the interval is one of order statistics. */
    public static Spread paired(double[] a, double[] b) {
        double[] ratios = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            ratios[i] = a[i] / b[i];
        }
        if (a.length < BLOCKS_FROM) {
            return ordered(ratios);
        }
        Random random = new Random(SEED);
        double[] medians = new double[RESAMPLES];
        for (int r = 0; r < RESAMPLES; r++) {
            medians[r] = median(resample(ratios, random));
        }
        Spread interval = Spread.of(medians, TAIL, 1 - TAIL);
        return new Spread(interval.low(), median(ratios), interval.high());
    }

    /** The narrowest pair of order statistics with the median between them in 99 % of cases; the ends where there is none. */
    private static Spread ordered(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        double probability = Math.pow(0.5, n);
        double below = probability;
        int rank = 0;
        while (below + probability * (n - rank) / (rank + 1) <= TAIL) {
            probability *= (double) (n - rank) / (rank + 1);
            below += probability;
            rank++;
        }
        return new Spread(sorted[rank], median(values), sorted[n - 1 - rank]);
    }

    /**
     * The median of {@code a} over that of {@code b}, which were not taken in turn. What the medians of the two halves of either differ by is how much
     * the machine drifts, and widens the interval; it is never less than {@code resolution}.
     *
     * @param resolution share by which two runs of the same differ even where nothing drifts
     */
    public static Spread unpaired(double[] a, double[] b, double resolution) {
        Spread interval = interval(a, b);
        double drift = 1 + Math.max(resolution, Math.max(drift(a), drift(b)));
        return new Spread(interval.low() / drift, median(a) / median(b), interval.high() * drift);
    }

    private static Spread interval(double[] a, double[] b) {
        if (Math.min(a.length, b.length) < BLOCKS_FROM) {
            Spread x = ordered(a);
            Spread y = ordered(b);
            return new Spread(x.low() / y.high(), x.middle() / y.middle(), x.high() / y.low());
        }
        Random random = new Random(SEED);
        double[] ratios = new double[RESAMPLES];
        for (int r = 0; r < RESAMPLES; r++) {
            ratios[r] = median(resample(a, random)) / median(resample(b, random));
        }
        return Spread.of(ratios, TAIL, 1 - TAIL);
    }

    private static double drift(double[] values) {
        int half = values.length / 2;
        if (half == 0) {
            return 0;
        }
        double[] first = Arrays.copyOf(values, half);
        double[] second = Arrays.copyOfRange(values, half, values.length);
        return Math.abs(median(first) / median(second) - 1);
    }

    private static double[] resample(double[] values, Random random) {
        int n = values.length;
        int block = (int) Math.ceil(Math.cbrt(n));
        double[] drawn = new double[n];
        int from = 0;
        for (int i = 0; i < n; i++) {
            if (i % block == 0) {
                from = random.nextInt(n);
            }
            drawn[i] = values[(from + i % block) % n];
        }
        return drawn;
    }

    static double median(double[] values) {
        return Spread.of(values).middle();
    }
}

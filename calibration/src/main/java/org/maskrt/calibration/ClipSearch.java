package org.maskrt.calibration;

import java.util.function.IntToDoubleFunction;

/**
 * Tries every edge of a histogram's bins as the threshold, from {@link #FEWEST} bins on, and the largest magnitude as the last. Values are counted in widths of
 * bins: bin j stands for j + 1/2, the last one for the largest magnitude itself.
 */
final class ClipSearch {
    /** As many bins as 8 bits have magnitudes. */
    private static final int FEWEST = 128;

    private final long[] counts;
    private final double[] levels;
    private final double width;
    private final double max;
    private final int used;

    ClipSearch(Histogram magnitudes, Format format) {
        this.counts = magnitudes.counts();
        this.width = magnitudes.width();
        this.max = magnitudes.max() / width;
        this.used = (int) max + 1;
        this.levels = format.magnitudes();
    }

    double meanSquaredError() {
        Moments below = new Moments();
        return best(kept -> squaredError(kept, below));
    }

    double entropy() {
        long total = 0;
        double[] entropyBelow = new double[used + 1];
        for (int j = 0; j < used; j++) {
            total += counts[j];
            entropyBelow[j + 1] = entropyBelow[j] + xLogX(counts[j]);
        }
        long all = total;
        return best(kept -> divergence(kept, all, entropyBelow));
    }

    private double best(IntToDoubleFunction loss) {
        if (max == 0) {
            return 0;
        }
        int best = used;
        double least = Double.POSITIVE_INFINITY;
        for (int kept = FEWEST; kept <= used; kept++) {
            double value = loss.applyAsDouble(kept);
            if (value < least) {
                least = value;
                best = kept;
            }
        }
        return threshold(best) * width;
    }

    private double threshold(int kept) {
        return kept == used ? max : kept;
    }

    /** The first of the {@code kept} bins that rounds to more than level {@code k} of the format. */
    private int end(int k, int kept) {
        if (k == levels.length - 1) {
            return kept;
        }
        double middle = (levels[k] + levels[k + 1]) / 2 * threshold(kept) / levels[levels.length - 1];
        return Math.max(0, Math.min(kept, (int) Math.ceil(middle - 0.5)));
    }

    /** Of the bins to each level by the sums over them: n v^2 - 2 v sum(x) + sum(x^2). */
    private double squaredError(int kept, Moments below) {
        double threshold = threshold(kept);
        double sum = 0;
        int from = 0;
        for (int k = 0; k < levels.length; k++) {
            int end = Math.max(from, end(k, kept));
            sum += below.squares(from, end, levels[k] / levels[levels.length - 1] * threshold);
            from = end;
        }
        return sum + below.squares(from, used, threshold);
    }

    /** Sums of 1, x and x^2 over the values in the bins before each. */
    private final class Moments {
        private final double[] values = new double[used + 1];
        private final double[] firsts = new double[used + 1];
        private final double[] seconds = new double[used + 1];

        Moments() {
            for (int j = 0; j < used; j++) {
                double x = centre(j);
                values[j + 1] = values[j] + counts[j];
                firsts[j + 1] = firsts[j] + counts[j] * x;
                seconds[j + 1] = seconds[j] + counts[j] * x * x;
            }
        }

        /** The sum of (x - level)^2. */
        double squares(int from, int to, double level) {
            return (values[to] - values[from]) * level * level
                    - 2 * level * (firsts[to] - firsts[from])
                    + (seconds[to] - seconds[from]);
        }
    }

    private double centre(int bin) {
        return bin == used - 1 ? max : bin + 0.5;
    }

    /**
     * Of P from Q: sum(p log(p / q) - p + q) over sum(p). P is the {@code kept} bins, the last of which takes what saturates too; Q gives each bin that is not empty an equal part of what the
     * bins of its level hold without that. Q has less in all than P: scaled to the same sum, it would make the divergence vanish where nearly everything
     * saturates.
     */
    private double divergence(int kept, long total, double[] entropyBelow) {
        double cross = 0;
        long last = counts[kept - 1];
        int j = 0;
        long outside = total;
        for (int i = 0; i < kept; i++) {
            outside -= counts[i];
        }
        if (last == 0 && outside > 0) {
            return Double.POSITIVE_INFINITY;
        }
        for (int k = 0; k < levels.length; k++) {
            long mass = 0;
            int filled = 0;
            int end = end(k, kept);
            for (; j < end; j++) {
                mass += counts[j];
                filled += counts[j] > 0 ? 1 : 0;
            }
            if (mass > 0) {
                long wanted = mass + (k == levels.length - 1 ? outside : 0);
                cross += wanted * Math.log((double) mass / filled);
            }
        }
        double own = entropyBelow[kept - 1] + xLogX(last + outside);
        return (own - cross - outside) / total;
    }

    private static double xLogX(long n) {
        return n == 0 ? 0 : n * Math.log((double) n);
    }
}

package org.maskrt.perf;

import java.util.Arrays;

/** A middle value and what lies around it: percentiles 10, 50 and 90 of samples, or an estimate and the ends of its interval. */
public record Spread(double low, double middle, double high) {
    /** Percentiles 10, 50 and 90. */
    public static Spread of(double[] values) {
        return of(values, 0.1, 0.9);
    }

    /** The median between the quantiles {@code low} and {@code high}, linear between the neighbouring order statistics. */
    public static Spread of(double[] values, double low, double high) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return new Spread(at(sorted, low), at(sorted, 0.5), at(sorted, high));
    }

    private static double at(double[] sorted, double fraction) {
        double place = fraction * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
}

package org.maskrt.perf.compare;

/** Signal-to-noise ratio in decibels of all values seen: 10 log10(sum a^2 / sum (a - b)^2). */
final class Snr {
    private double signal;
    private double noise;

    /** Adds what is compared, {@code a} the signal. */
    void add(float[] a, float[] b) {
        if (a.length != b.length) {
            throw new IllegalArgumentException("expected as many values, got " + a.length + " and " + b.length);
        }
        for (int i = 0; i < a.length; i++) {
            double difference = (double) a[i] - b[i];
            signal += (double) a[i] * a[i];
            noise += difference * difference;
        }
    }

    /** Infinite where all values are equal, NaN where one of them is. */
    double decibels() {
        return noise == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
    }

    static double of(float[] a, float[] b) {
        Snr snr = new Snr();
        snr.add(a, b);
        return snr.decibels();
    }
}

package org.maskrt.calibration;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * Counts of magnitudes |x| in {@link #BINS} bins of equal width, in constant memory. The width is the smallest power of two with which the bins
 * hold the largest magnitude; when a larger one comes, neighbouring bins are added up. So the counts depend on the values alone, not on their
 * order or on how they were split, and at least half of the bins are in use.
 */
public final class Histogram {
    public static final int BINS = 1 << 12;

    private static final int LOG_BINS = 12;
    private static final int LOWEST = Math.getExponent((double) Float.MIN_VALUE) + 1 - LOG_BINS;

    private final long[] counts = new long[BINS];
    private int exponent = LOWEST;
    private float max;

    public static Histogram of(float[] values) {
        Histogram h = new Histogram();
        h.add(values);
        return h;
    }

    /** Counts values, which must be finite. */
    public void add(float[] values) {
        float largest = max;
        for (float v : values) {
            largest = Math.max(largest, Math.abs(v));
        }
        reach(largest);
        double perWidth = Math.scalb(1.0, -exponent);
        for (float v : values) {
            counts[(int) (Math.abs(v) * perWidth)]++;
        }
    }

    /** Adds the counts of {@code other}. */
    public void merge(Histogram other) {
        reach(other.max);
        int shift = exponent - other.exponent;
        for (int i = 0; i < BINS; i++) {
            counts[shifted(i, shift)] += other.counts[i];
        }
    }

    private void reach(float largest) {
        if (!(largest <= Float.MAX_VALUE)) {
            throw new IllegalArgumentException("a histogram needs finite values, got " + largest);
        }
        if (largest <= max) {
            return;
        }
        max = largest;
        int shift = Math.getExponent((double) largest) + 1 - LOG_BINS - exponent;
        if (shift <= 0) {
            return;
        }
        exponent += shift;
        for (int i = 1; i < BINS; i++) {
            long count = counts[i];
            counts[i] = 0;
            counts[shifted(i, shift)] += count;
        }
    }

    private static int shifted(int bin, int shift) {
        return shift >= LOG_BINS ? 0 : bin >> shift;
    }

    /** The largest magnitude. */
    public float max() {
        return max;
    }

    /** Of a bin: bin i holds magnitudes from i widths (inclusive) to i + 1 (exclusive). */
    public double width() {
        return Math.scalb(1.0, exponent);
    }

    /** A copy. */
    public long[] counts() {
        return counts.clone();
    }

    /** How many values were counted. */
    public long total() {
        long n = 0;
        for (long c : counts) {
            n += c;
        }
        return n;
    }

    void write(DataOutput out) throws IOException {
        out.writeFloat(max);
        out.writeInt(exponent);
        for (long c : counts) {
            out.writeLong(c);
        }
    }

    static Histogram read(DataInput in) throws IOException {
        Histogram h = new Histogram();
        h.max = in.readFloat();
        h.exponent = in.readInt();
        for (int i = 0; i < BINS; i++) {
            h.counts[i] = in.readLong();
        }
        return h;
    }
}

package org.maskrt.calibration;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * A sample of the distinct rows that were seen: those whose contents have the smallest hashes (bottom-k sampling, Cohen and Kaplan 2007). It
 * depends neither on the order of the rows nor on how they were split between samples that are merged.
 */
final class RowSample {
    private final int channels;
    private final int capacity;
    private final TreeMap<Long, float[]> rows = new TreeMap<>();

    RowSample(int channels, int capacity) {
        this.channels = channels;
        this.capacity = capacity;
    }

    /** Sees the row at {@code from} of {@code values}. */
    void add(float[] values, int from) {
        long hash = hash(values, from);
        if (rows.size() < capacity || hash < rows.lastKey()) {
            keep(hash, Arrays.copyOfRange(values, from, from + channels));
        }
    }

    void merge(RowSample other) {
        other.rows.forEach(this::keep);
    }

    private void keep(long hash, float[] row) {
        rows.putIfAbsent(hash, row);
        if (rows.size() > capacity) {
            rows.pollLastEntry();
        }
    }

    /** Multiply and xor-shift, with the finaliser of SplitMix64 (Steele, Lea and Flood 2014). */
    private long hash(float[] values, int from) {
        long h = channels;
        for (int i = from; i < from + channels; i++) {
            h = (h ^ Float.floatToRawIntBits(values[i])) * 0x9E3779B97F4A7C15L;
            h ^= h >>> 32;
        }
        h = (h ^ h >>> 30) * 0xBF58476D1CE4E5B9L;
        h = (h ^ h >>> 27) * 0x94D049BB133111EBL;
        return h ^ h >>> 31;
    }

    /** In the order of their hashes, so that the first n are a sample too. */
    float[][] rows() {
        return rows.values().toArray(new float[0][]);
    }

    void write(DataOutput out) throws IOException {
        out.writeInt(rows.size());
        for (Map.Entry<Long, float[]> row : rows.entrySet()) {
            out.writeLong(row.getKey());
            Floats.write(out, row.getValue());
        }
    }

    void read(DataInput in) throws IOException {
        int n = in.readInt();
        for (int i = 0; i < n; i++) {
            long hash = in.readLong();
            rows.put(hash, Floats.read(in, channels));
        }
    }
}

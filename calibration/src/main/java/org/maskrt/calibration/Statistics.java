package org.maskrt.calibration;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import org.maskrt.models.MaskRtException;

/** What is kept of one activation [.., channels], however much of it was seen. */
public final class Statistics {
    private final int channels;
    private final int sampleRows;
    private final Histogram magnitudes;
    private final RowSample sample;
    private final float[] channelMax;
    private final double[] channelSum;
    private float min = Float.POSITIVE_INFINITY;
    private float max = Float.NEGATIVE_INFINITY;
    private long rows;

    /** @param sampleRows how many rows are kept as they are */
    public Statistics(int channels, int sampleRows) {
        this(channels, sampleRows, new Histogram());
    }

    private Statistics(int channels, int sampleRows, Histogram magnitudes) {
        this.channels = channels;
        this.sampleRows = sampleRows;
        this.magnitudes = magnitudes;
        this.sample = new RowSample(channels, sampleRows);
        this.channelMax = new float[channels];
        this.channelSum = new double[channels];
    }

    /**
     * Sees {@code values}, [.., channels].
     *
     * @param where names the values in messages
     * @throws MaskRtException (NOT_FINITE) if a value is NaN or infinite; nothing is taken then
     */
    public void add(String where, float[] values) {
        if (values.length % channels != 0) {
            throw new IllegalArgumentException(
                    where + ": expected rows of " + channels + " channels, got " + values.length + " values");
        }
        Finite.require(where, values);
        magnitudes.add(values);
        for (int from = 0; from < values.length; from += channels) {
            sample.add(values, from);
            for (int c = 0; c < channels; c++) {
                float v = values[from + c];
                min = Math.min(min, v);
                max = Math.max(max, v);
                channelMax[c] = Math.max(channelMax[c], Math.abs(v));
                channelSum[c] += v;
            }
        }
        rows += values.length / channels;
    }

    /** Takes over what {@code other}, of as many channels, has seen. */
    public void merge(Statistics other) {
        if (other.channels != channels) {
            throw new IllegalArgumentException(
                    "expected statistics of " + channels + " channels, got " + other.channels);
        }
        magnitudes.merge(other.magnitudes);
        sample.merge(other.sample);
        for (int c = 0; c < channels; c++) {
            channelMax[c] = Math.max(channelMax[c], other.channelMax[c]);
            channelSum[c] += other.channelSum[c];
        }
        min = Math.min(min, other.min);
        max = Math.max(max, other.max);
        rows += other.rows;
    }

    public int channels() {
        return channels;
    }

    /** How many rows were seen. */
    public long rows() {
        return rows;
    }

    /** Infinity while nothing was seen. */
    public float min() {
        return min;
    }

    /** Negative infinity while nothing was seen. */
    public float max() {
        return max;
    }

    public Histogram magnitudes() {
        return magnitudes;
    }

    /** The largest magnitude of each channel. */
    public float[] channelMax() {
        return channelMax.clone();
    }

    /** The mean of each channel. */
    public double[] channelMean() {
        double[] mean = channelSum.clone();
        for (int c = 0; c < channels; c++) {
            mean[c] /= Math.max(1, rows);
        }
        return mean;
    }

    /** A random sample of the rows, in random order. */
    public float[][] sample() {
        return sample.rows();
    }

    void write(DataOutput out) throws IOException {
        out.writeInt(channels);
        out.writeInt(sampleRows);
        out.writeLong(rows);
        out.writeFloat(min);
        out.writeFloat(max);
        magnitudes.write(out);
        Floats.write(out, channelMax);
        for (double sum : channelSum) {
            out.writeDouble(sum);
        }
        sample.write(out);
    }

    static Statistics read(DataInput in) throws IOException {
        int channels = in.readInt();
        int sampleRows = in.readInt();
        long rows = in.readLong();
        float min = in.readFloat();
        float max = in.readFloat();
        Statistics s = new Statistics(channels, sampleRows, Histogram.read(in));
        s.rows = rows;
        s.min = min;
        s.max = max;
        System.arraycopy(Floats.read(in, channels), 0, s.channelMax, 0, channels);
        for (int c = 0; c < channels; c++) {
            s.channelSum[c] = in.readDouble();
        }
        s.sample.read(in);
        return s;
    }
}

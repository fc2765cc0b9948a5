package org.maskrt.calibration;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collections;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Checks;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** {@link Statistics} of activations by parameter path and timestep bin. Of one thread; threads and runs record their own, which are merged. */
public final class Observations {
    private final TimestepBins bins;
    private final int sampleRows;
    private final TreeMap<String, @Nullable Statistics[]> paths = new TreeMap<>();

    /** @param sampleRows how many rows of each path and bin are kept as they are */
    public Observations(TimestepBins bins, int sampleRows) {
        this.bins = bins;
        this.sampleRows = sampleRows;
    }

    public TimestepBins bins() {
        return bins;
    }

    /** The paths that were seen, sorted. */
    public Set<String> paths() {
        return Collections.unmodifiableSet(paths.keySet());
    }

    /**
     * Sees the activation {@code values} [.., channels] of {@code path}.
     *
     * @throws MaskRtException (NOT_FINITE) if a value is NaN or infinite
     */
    public void add(String path, int bin, float[] values, int channels) {
        Statistics[] of = paths.computeIfAbsent(path, p -> new Statistics[bins.count()]);
        Statistics s = of[bin];
        if (s == null) {
            s = new Statistics(channels, sampleRows);
            of[bin] = s;
        }
        s.add(path + " (timesteps " + bins.edges()[bin] + " to " + bins.edges()[bin + 1] + ")", values);
    }

    /** Takes over what {@code other}, with the same bins, has seen. */
    public void merge(Observations other) {
        if (other.bins.count() != bins.count()) {
            throw new IllegalArgumentException(
                    "expected observations in " + bins.count() + " bins, got " + other.bins.count());
        }
        other.paths.forEach((path, theirs) -> {
            Statistics[] of = paths.computeIfAbsent(path, p -> new Statistics[bins.count()]);
            for (int bin = 0; bin < theirs.length; bin++) {
                Statistics s = theirs[bin];
                if (s != null) {
                    if (of[bin] == null) {
                        of[bin] = new Statistics(s.channels(), sampleRows);
                    }
                    of[bin].merge(s);
                }
            }
        });
    }

    /** What was seen of {@code path} in one bin, or null if nothing was. */
    public @Nullable Statistics at(String path, int bin) {
        Statistics[] of = paths.get(path);
        return of == null ? null : of[bin];
    }

    /**
     * What was seen of {@code path} in the bins from {@code from} (inclusive) to {@code to} (exclusive), with the samples of all of them.
     *
     * @throws MaskRtException if nothing was
     */
    public Statistics over(String path, int from, int to) {
        Statistics all = null;
        for (int bin = from; bin < to; bin++) {
            Statistics s = at(path, bin);
            if (s != null) {
                if (all == null) {
                    all = new Statistics(s.channels(), sampleRows * (to - from));
                }
                all.merge(s);
            }
        }
        if (all == null) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    path + ": expected activations at timesteps " + bins.edges()[from] + " to " + bins.edges()[to]
                            + ", none were recorded; calibrate over the whole schedule, or with fewer groups");
        }
        return all;
    }

    /** What was seen in the bins from that of {@code from} to that of {@code to}, both included. */
    public Observations between(double from, double to) {
        int first = bins.bin(from);
        int last = bins.bin(to);
        Checks.require(first <= last, "observations", "timesteps", "ascending", from + " to " + to);
        Observations some =
                new Observations(new TimestepBins(Arrays.copyOfRange(bins.edges(), first, last + 2)), sampleRows);
        paths.forEach((path, all) -> some.paths.put(path, Arrays.copyOfRange(all, first, last + 1)));
        return some;
    }

    void write(DataOutput out) throws IOException {
        out.writeInt(bins.edges().length);
        for (double edge : bins.edges()) {
            out.writeDouble(edge);
        }
        out.writeInt(sampleRows);
        out.writeInt(paths.size());
        for (var entry : paths.entrySet()) {
            out.writeUTF(entry.getKey());
            for (Statistics s : entry.getValue()) {
                out.writeBoolean(s != null);
                if (s != null) {
                    s.write(out);
                }
            }
        }
    }

    static Observations read(DataInput in) throws IOException {
        double[] edges = new double[in.readInt()];
        for (int i = 0; i < edges.length; i++) {
            edges[i] = in.readDouble();
        }
        Observations o = new Observations(new TimestepBins(edges), in.readInt());
        int count = in.readInt();
        for (int i = 0; i < count; i++) {
            String path = in.readUTF();
            Statistics[] of = new Statistics[o.bins.count()];
            for (int bin = 0; bin < of.length; bin++) {
                if (in.readBoolean()) {
                    of[bin] = Statistics.read(in);
                }
            }
            o.paths.put(path, of);
        }
        return o;
    }
}

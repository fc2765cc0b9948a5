package org.maskrt.calibration;

import java.util.Arrays;
import org.maskrt.models.Checks;

/**
 * Intervals of timesteps. Bin i reaches from edge i (inclusive) to edge i + 1 (exclusive); timesteps outside belong to the first or the last.
 *
 * @param edges ascending, one more than there are bins
 */
public record TimestepBins(double[] edges) {
    /** @throws org.maskrt.models.MaskRtException (USAGE) unless the edges ascend and there are two */
    public TimestepBins {
        Checks.require(edges.length >= 2, "timestep bins", "edges", "two or more", Arrays.toString(edges));
        for (int i = 1; i < edges.length; i++) {
            Checks.require(edges[i] > edges[i - 1], "timestep bins", "edges", "ascending", Arrays.toString(edges));
        }
        edges = edges.clone();
    }

    /** Of equal width, from {@code from} to {@code to}: those of the model's input, such as 0 to 1000. */
    public static TimestepBins even(double from, double to, int count) {
        Checks.positive("timestep bins", "count", count);
        double[] edges = new double[count + 1];
        for (int i = 0; i <= count; i++) {
            edges[i] = from + (to - from) * i / count;
        }
        return new TimestepBins(edges);
    }

    public int count() {
        return edges.length - 1;
    }

    /** The bin of {@code timestep}. */
    public int bin(double timestep) {
        int bin = 0;
        while (bin < count() - 1 && timestep >= edges[bin + 1]) {
            bin++;
        }
        return bin;
    }

    /** Neighbouring bins put together to {@code count} groups, as equal in number as can be. */
    public TimestepBins groups(int count) {
        Checks.require(
                count >= 1 && count <= count(), "timestep bins", "groups", "from 1 to the " + count() + " bins", count);
        double[] grouped = new double[count + 1];
        for (int g = 0; g <= count; g++) {
            grouped[g] = edges[first(g, count)];
        }
        return new TimestepBins(grouped);
    }

    /** The first bin of group {@code group} of {@code groups}; that of the group behind the last is {@link #count()}. */
    int first(int group, int groups) {
        return Math.toIntExact((long) group * count() / groups);
    }
}

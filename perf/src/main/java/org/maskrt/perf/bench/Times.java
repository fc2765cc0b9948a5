package org.maskrt.perf.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import org.maskrt.perf.CorePlacement;
import org.maskrt.perf.Spread;

/**
 * How long the runs of one batch took in one placement of the cores.
 *
 * @param batch samples in a run
 * @param placement of the cores during all of them
 * @param millis of each run, in order; run i of each contender belongs to the same round
 */
public record Times(int batch, CorePlacement.Tag placement, List<Double> millis) {
    public Times {
        millis = List.copyOf(millis);
    }

    /** Percentiles by HdrHistogram. */
    @JsonProperty
    public Percentiles percentiles() {
        return Percentiles.of(millis);
    }

    /** The arithmetic mean in milliseconds. */
    @JsonProperty
    public double mean() {
        return millis.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    /** Samples per second, at the mean time. */
    @JsonProperty
    public double throughput() {
        return batch * 1e3 / mean();
    }

    /** Median, tenth and ninetieth percentile. */
    Spread spread() {
        return Spread.of(array());
    }

    double[] array() {
        return millis.stream().mapToDouble(Double::doubleValue).toArray();
    }
}

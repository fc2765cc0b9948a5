package org.maskrt.perf.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import org.HdrHistogram.Histogram;

/** Percentiles of times in milliseconds. */
public record Percentiles(
        @JsonProperty("50") double p50,
        @JsonProperty("90") double p90,
        @JsonProperty("95") double p95,
        @JsonProperty("99") double p99) {
    private static final int DIGITS = 4;
    private static final double NANOS = 1e6;

    /** Of one time or more. */
    public static Percentiles of(List<Double> millis) {
        Histogram histogram = new Histogram(DIGITS);
        millis.forEach(m -> histogram.recordValue(Math.round(m * NANOS)));
        return new Percentiles(at(histogram, 50), at(histogram, 90), at(histogram, 95), at(histogram, 99));
    }

    private static double at(Histogram histogram, double percentile) {
        return histogram.getValueAtPercentile(percentile) / NANOS;
    }
}

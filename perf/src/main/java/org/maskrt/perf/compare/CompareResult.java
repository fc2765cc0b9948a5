package org.maskrt.perf.compare;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.maskrt.perf.CorePlacement;
import org.maskrt.perf.Spread;
import org.maskrt.perf.bench.Estimate;
import org.maskrt.perf.bench.Machine;
import org.maskrt.perf.bench.Verdict;

/**
 * What a comparison found; {@code docs/compare.md} describes it as JSON. Ratios of signal to noise are in decibels, infinite where all is equal; the
 * signal is that of A.
 *
 * @param schema of the JSON
 * @param run when, how and on what
 * @param a the variant that the other is compared with
 * @param b the other
 * @param steps in order
 * @param paths the layers; null where they were not compared
 * @param pictures each pair
 * @param times of steps, by placement of the cores
 * @param accuracy of the pictures; null where they were not judged
 */
public record CompareResult(
        int schema,
        Run run,
        Side a,
        Side b,
        List<Step> steps,
        @Nullable Paths paths,
        List<Picture> pictures,
        List<Time> times,
        @Nullable Accuracy accuracy) {
    /** The schema that this version writes. */
    public static final int SCHEMA = 1;

    private static final double PEAK = 255;

    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .disable(MapperFeature.AUTO_DETECT_IS_GETTERS)
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    public CompareResult {
        steps = List.copyOf(steps);
        pictures = List.copyOf(pictures);
        times = List.copyOf(times);
    }

    /**
     * The circumstances.
     *
     * @param created when, ISO 8601
     * @param command that repeats it
     * @param machine it ran on
     */
    public record Run(String created, String command, Machine machine) {}

    /**
     * A variant.
     *
     * @param name as it was given
     * @param settings in full, by name
     */
    public record Side(String name, Map<String, String> settings) {
        public Side {
            settings = new TreeMap<>(settings);
        }
    }

    /**
     * The latents after a step.
     *
     * @param step from 1
     * @param drift of B on its own trajectory, which began with the same noise
     * @param local of B's step on A's latents
     */
    public record Step(int step, double drift, double local) {}

    /**
     * What layers compute on inputs of A.
     *
     * @param pictures and steps that were looked at
     * @param steps that were looked at, from 1
     * @param departs a path whose ratio is lower departs
     * @param rows in the order in which the layers run
     */
    public record Paths(int pictures, List<Integer> steps, double departs, List<Path> rows) {
        public Paths {
            steps = List.copyOf(steps);
            rows = List.copyOf(rows);
        }

        /** The first path that departs; null if none does. */
        @JsonProperty
        public @Nullable Path first() {
            return rows.stream()
                    .filter(row -> !(row.snr >= departs))
                    .findFirst()
                    .orElse(null);
        }
    }

    /**
     * A layer.
     *
     * @param graph that it belongs to
     * @param path of its parameters, or the name of an output of the graph
     * @param snr over all steps that were looked at
     * @param worst of a single one
     * @param worstStep that one, from 1; 0 where the graph runs once
     */
    public record Path(String graph, String path, double snr, double worst, int worstStep) {}

    /**
     * Two pictures from the same noise.
     *
     * @param title what they are to show
     * @param psnr peak signal-to-noise ratio
     * @param ssim structural similarity; null where they are smaller than its window
     * @param bytes of a picture
     */
    public record Picture(
            String title, double psnr, @Nullable Double ssim, int bytes) {
        /** {@link #psnr}, of equal pictures that of a difference of one level in one byte. */
        double finitePsnr() {
            return Math.min(psnr, 10 * Math.log10(PEAK * PEAK * bytes));
        }
    }

    /**
     * Milliseconds of a step, batches of the two in turn.
     *
     * @param placement of the cores
     * @param pairs of batches
     * @param a of A, median
     * @param b of B, median
     * @param ratio B over A, pair by pair: the median and its 99 % interval
     * @param verdict what the interval says of B
     */
    public record Time(CorePlacement.Tag placement, int pairs, double a, double b, Spread ratio, Verdict verdict) {
        /** {@link #verdict} in words, where there are pairs enough for one. */
        public String said() {
            return pairs < Estimate.ENOUGH ? "too few pairs to tell" : "B: " + verdict.label();
        }
    }

    /**
     * The share of pictures that are right.
     *
     * @param what is right
     * @param a of A
     * @param b of B
     * @param pictures that were judged of each
     */
    public record Accuracy(String what, double a, double b, int pictures) {
        /** What B loses, as a share. */
        @JsonProperty
        public double loss() {
            return a - b;
        }
    }

    /** This result with the pictures judged. */
    public CompareResult with(Accuracy judged) {
        return new CompareResult(schema, run, a, b, steps, paths, pictures, times, judged);
    }

    /** The mean over pictures of the peak signal-to-noise ratio, in which equal pictures count as if one byte differed by one; infinite if all are equal. */
    @JsonProperty
    public double meanPsnr() {
        boolean equal = pictures.stream().allMatch(p -> p.psnr == Double.POSITIVE_INFINITY);
        return equal
                ? Double.POSITIVE_INFINITY
                : pictures.stream().mapToDouble(Picture::finitePsnr).average().orElseThrow();
    }

    /** The lowest of them. */
    @JsonProperty
    public double leastPsnr() {
        return pictures.stream().mapToDouble(Picture::psnr).min().orElseThrow();
    }

    /** The mean structural similarity; null where pictures are too small. */
    @JsonProperty
    public @Nullable Double meanSsim() {
        return pictures.stream().anyMatch(p -> p.ssim == null)
                ? null
                : pictures.stream()
                        .mapToDouble(p -> Objects.requireNonNull(p.ssim))
                        .average()
                        .orElseThrow();
    }

    /** The lowest ratio on B's own trajectory. */
    @JsonProperty
    public double leastDrift() {
        return steps.stream().mapToDouble(Step::drift).min().orElseThrow();
    }

    /** As JSON. */
    public String json() {
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}

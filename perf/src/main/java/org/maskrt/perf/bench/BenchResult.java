package org.maskrt.perf.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.perf.CorePlacement;
import org.maskrt.perf.Spread;

/**
 * What a benchmark measured; {@code docs/performance.md} describes it as JSON.
 *
 * @param schema of the JSON
 * @param run when, how and on what
 * @param limits of the machine; null where none were asked for
 * @param models in the order in which they were named
 */
public record BenchResult(int schema, Run run, @Nullable Limits limits, List<Model> models) {
    /** The schema that this version writes. */
    public static final int SCHEMA = 1;

    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(MapperFeature.AUTO_DETECT_IS_GETTERS)
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    public BenchResult {
        models = List.copyOf(models);
    }

    /**
     * The circumstances.
     *
     * @param created when, ISO 8601
     * @param command that repeats it
     * @param machine it ran on
     * @param protocol how long was measured
     * @param otherPrograms the share of the machine's cores that other programs took meanwhile, peers included; -1 where the system does not tell
     */
    public record Run(String created, String command, Machine machine, Protocol protocol, double otherPrograms) {}

    /**
     * A model's graph.
     *
     * @param name as it was given
     * @param graph that was measured
     * @param contenders the first is the one that others are compared with
     * @param costs of each batch; none for graphs of another maker
     * @param generation whole generations; null where only a graph was measured
     */
    public record Model(
            String name,
            String graph,
            List<Contender> contenders,
            List<Cost> costs,
            @Nullable Generation generation) {
        public Model {
            contenders = List.copyOf(contenders);
            costs = List.copyOf(costs);
        }

        /** The cost of a batch; null where it is not known. */
        @Nullable
        Cost cost(int batch) {
            return costs.stream().filter(c -> c.batch() == batch).findFirst().orElse(null);
        }

        /** Each contender but the first over the first: their times in the same rounds. */
        @JsonProperty
        public List<Ratio> ratios() {
            List<Ratio> ratios = new ArrayList<>();
            for (Contender other : contenders.subList(1, contenders.size())) {
                for (Times times : other.times()) {
                    Times ours = contenders.get(0).times(times);
                    if (ours != null) {
                        ratios.add(Ratio.of(other.label(), times, ours));
                    }
                }
            }
            return ratios;
        }
    }

    /**
     * A way to run the graph.
     *
     * @param label short and distinct
     * @param settings in full, by name
     * @param difference of its result from the first's: the largest over the largest magnitude; null for the first
     * @param times of each batch and placement
     * @param cold a process of its own; null for other programs
     * @param paths milliseconds of one run at the first batch under each parameter path; empty where not measured
     */
    public record Contender(
            String label,
            Map<String, String> settings,
            @Nullable Double difference,
            List<Times> times,
            @Nullable ColdStart cold,
            Map<String, Double> paths) {
        public Contender {
            settings = new TreeMap<>(settings);
            times = List.copyOf(times);
            paths = new TreeMap<>(paths);
        }

        /** The times of the same batch in the same placement; null if there are none. */
        @Nullable
        Times times(Times like) {
            return times.stream()
                    .filter(t -> t.batch() == like.batch() && t.placement() == like.placement())
                    .findFirst()
                    .orElse(null);
        }
    }

    /**
     * A contender's times over those of the first, round by round.
     *
     * @param contender its label
     * @param rounds that both ran in
     * @param rounds10To90 median ratio and percentiles 10 and 90 of the rounds
     * @param interval median ratio and its 99 % interval
     * @param verdict what the interval says of the contender
     */
    public record Ratio(
            String contender,
            int batch,
            CorePlacement.Tag placement,
            int rounds,
            @JsonProperty("rounds_10_to_90") Spread rounds10To90,
            Spread interval,
            Verdict verdict) {
        static Ratio of(String contender, Times times, Times first) {
            double[] ratios = ratios(times, first);
            Spread interval = Estimate.paired(times.array(), first.array());
            return new Ratio(
                    contender,
                    times.batch(),
                    times.placement(),
                    ratios.length,
                    Spread.of(ratios),
                    interval,
                    Verdict.of(interval, ratios.length));
        }

        static double[] ratios(Times times, Times first) {
            double[] a = times.array();
            double[] b = first.array();
            double[] ratios = new double[a.length];
            for (int i = 0; i < ratios.length; i++) {
                ratios[i] = a[i] / b[i];
            }
            return ratios;
        }
    }

    /** As JSON. */
    public String json() {
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Reads what {@link #json} wrote.
     *
     * @throws MaskRtException if the file cannot be read, is not a benchmark's, or has another schema
     */
    public static BenchResult read(Path file) {
        BenchResult result;
        try {
            result = MAPPER.readValue(Files.readString(file), BenchResult.class);
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected the results of a benchmark as `maskrt bench -o` writes them, "
                            + (e instanceof JsonProcessingException j
                                    ? "found other JSON: " + j.getOriginalMessage()
                                    : "it cannot be read")
                            + "; name another file",
                    e);
        }
        if (result == null || result.schema != SCHEMA || result.run == null) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected the results of a benchmark with schema " + SCHEMA + ", found "
                            + (result == null || result.run == null ? "something else" : "schema " + result.schema)
                            + "; measure again with this version");
        }
        return result;
    }
}

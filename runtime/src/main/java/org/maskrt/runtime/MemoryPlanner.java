package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.MemoryPlan.Bias;

/**
 * Fits a pipeline into a memory budget: of all ways that fit it takes the one that costs the least time. Pure.
 *
 * <p>What may be given up, and what each costs: all steps' modulations at once (the conditioner runs again), a graph for steps on one half (they run
 * both), bias constants (gathered in each step), engines staying loaded (loaded each time that they run; if that is so for all, one at a time has
 * the device), and the batch (weights are read again for each part). Times are estimates from bytes alone, at {@link #READ_RATE} and {@link #LOAD_RATE}: they set an order, and are no
 * measurements.
 */
public final class MemoryPlanner {
    /** What CUDA and TensorRT take for themselves, and the tensors of pictures: an assumption. */
    public static final long OVERHEAD = 512L << 20;

    /** Bytes that a device reads from its memory in a second: an A100's. */
    private static final double READ_RATE = 2e12;

    /** Bytes of an engine that are loaded in a second. */
    private static final double LOAD_RATE = 5e9;

    /** Share of a generation that steps on one half save with the published guidance. */
    private static final double HALVES_SAVE = 0.2;

    /** What an engine is for. */
    public enum Use {
        /** Each guided step. */
        STEP,
        /** Each step that needs one half. */
        HALF_STEP,
        /** Once for each part of the tables. */
        CONDITIONER,
        /** Once a generation: autoencoder, image encoders, ccnet. */
        PICTURES
    }

    /**
     * An engine.
     *
     * @param weights bytes, without bias constants
     * @param bias bytes of the bias of all layers, gathered
     * @param layers that have a bias
     * @param activations bytes of intermediate results for one row
     * @param rows that it runs at once, at most
     */
    public record Part(String graph, Use use, long weights, long bias, int layers, long activations, int rows) {
        private long loaded(Bias form) {
            return weights + (form == Bias.CONSTANT ? bias : 0);
        }

        private long running(int batch, Bias form) {
            return activations * Math.min(rows, batch) + (form == Bias.GATHER && layers > 0 ? bias / layers : 0);
        }
    }

    /**
     * What has to fit.
     *
     * @param parts every engine that a generation may run
     * @param forms in which the bias can be had
     * @param batch pictures at once, where memory allows
     * @param steps of a generation
     */
    public record Needs(Denoiser model, List<Part> parts, Set<Bias> forms, int batch, int steps) {
        public Needs {
            parts = List.copyOf(parts);
            forms = Set.copyOf(forms);
        }

        private boolean has(Use use) {
            return parts.stream().anyMatch(p -> p.use() == use);
        }

        private long loaded(Bias form, Set<Use> uses) {
            return parts.stream()
                    .filter(p -> uses.contains(p.use()))
                    .mapToLong(p -> p.loaded(form))
                    .sum();
        }
    }

    /** Engines that are loaded only while they run. */
    private enum Residency {
        ALL(Set.of()),
        WITHOUT_PICTURES(Set.of(Use.PICTURES)),
        STEPS_ONLY(Set.of(Use.PICTURES, Use.CONDITIONER)),
        /** The conditioner fills the tables and goes, the steps run and go, the pictures are decoded. */
        ONE_AT_A_TIME(Set.of(Use.values()));

        private final Set<Use> onDemand;

        Residency(Set<Use> onDemand) {
            this.onDemand = onDemand;
        }
    }

    /** One way; {@code steps} are those of which the tables hold the rows at once. */
    private record Way(int batch, int steps, Bias bias, boolean halves, Residency residency) {}

    private final Needs needs;

    private MemoryPlanner(Needs needs) {
        this.needs = needs;
    }

    /**
     * The quickest way that fits.
     *
     * @param budget bytes
     * @throws MaskRtException (USAGE) if none fits; the message names the smallest budget that does
     */
    public static MemoryPlan plan(Needs needs, long budget) {
        return new MemoryPlanner(needs).within(budget);
    }

    private MemoryPlan within(long budget) {
        List<Way> ways = ways();
        Way best = ways.stream()
                .filter(way -> bytes(way) <= budget)
                .min(Comparator.comparingDouble(this::seconds))
                .orElseThrow(() -> {
                    long least = ways.stream().mapToLong(this::bytes).min().orElseThrow();
                    return new MaskRtException(
                            ExitCode.USAGE,
                            "--memory-budget: expected " + megabytes(least)
                                    + " or more, which this model needs for one picture at a time, got "
                                    + text(budget) + "; give it more, or take a smaller model");
                });
        Set<String> onDemand = needs.parts().stream()
                .filter(p -> best.residency().onDemand.contains(p.use()))
                .map(Part::graph)
                .collect(Collectors.toSet());
        long tables = DeviceSteps.bytes(needs.model(), best.batch(), best.steps());
        return new MemoryPlan(
                best.batch(),
                best.bias(),
                best.halves(),
                onDemand,
                tables + budget - bytes(best),
                bytes(best),
                reasons(best, budget));
    }

    /** Every way, the one that gives up nothing first. */
    private List<Way> ways() {
        List<Way> ways = new ArrayList<>();
        for (int batch : halved(needs.batch())) {
            for (Residency residency : Residency.values()) {
                for (Bias bias : Bias.values()) {
                    for (boolean halves : List.of(true, false)) {
                        for (int steps : halved(needs.steps())) {
                            boolean alone = residency == Residency.ONE_AT_A_TIME;
                            boolean may = needs.has(Use.HALF_STEP) && !alone;
                            if (needs.forms().contains(bias) && halves == (halves && may)) {
                                ways.add(new Way(batch, steps, bias, halves, residency));
                            }
                        }
                    }
                }
            }
        }
        return ways;
    }

    private static List<Integer> halved(int most) {
        return IntStream.iterate(most, n -> n > 0, n -> n == 1 ? 0 : (n + 1) / 2)
                .boxed()
                .toList();
    }

    private long bytes(Way way) {
        long tables = DeviceSteps.bytes(needs.model(), way.batch(), way.steps());
        long resident = 0;
        long guest = 0;
        long arena = 0;
        long alone = 0;
        for (Part part : needs.parts()) {
            if (part.use() == Use.HALF_STEP && !way.halves()) {
                continue;
            }
            alone = Math.max(alone, part.loaded(way.bias()) + part.running(way.batch(), way.bias()));
            if (way.residency().onDemand.contains(part.use())) {
                guest = Math.max(guest, part.loaded(way.bias()));
            } else {
                resident += part.loaded(way.bias());
            }
            arena = Math.max(arena, part.running(way.batch(), way.bias()));
        }
        return OVERHEAD + tables + (way.residency() == Residency.ONE_AT_A_TIME ? alone : resident + guest + arena);
    }

    /** What a way costs over the one that gives up nothing, for as many pictures as the batch that was asked for. */
    private double seconds(Way way) {
        int batches = (needs.batch() + way.batch() - 1) / way.batch();
        int parts = batches * ((needs.steps() + way.steps() - 1) / way.steps());
        double stepWeights = needs.loaded(way.bias(), Set.of(Use.STEP));
        double conditioning = parts * needs.loaded(way.bias(), Set.of(Use.CONDITIONER)) / READ_RATE;
        double stepping = (double) batches * needs.steps() * stepWeights / READ_RATE;
        double bothHalves = needs.has(Use.HALF_STEP) && !way.halves() ? HALVES_SAVE * stepping : 0;
        long bias = needs.parts().stream()
                .filter(p -> p.use() == Use.STEP)
                .mapToLong(Part::bias)
                .sum();
        // written and read again
        double gathering = way.bias() == Bias.GATHER ? 2.0 * batches * needs.steps() * bias / READ_RATE : 0;
        double loading = needs.loaded(way.bias(), way.residency().onDemand) / LOAD_RATE;
        if (way.residency() == Residency.ONE_AT_A_TIME) {
            long each = needs.loaded(way.bias(), Set.of(Use.STEP, Use.CONDITIONER));
            long once = needs.loaded(way.bias(), Set.of(Use.PICTURES));
            loading = (parts * (double) each + once) / LOAD_RATE;
        }
        return conditioning + stepping + bothHalves + gathering + loading;
    }

    private List<String> reasons(Way way, long budget) {
        List<String> lines = new ArrayList<>();
        lines.add("memory: " + text(bytes(way)) + " of " + text(budget) + ", with " + text(OVERHEAD)
                + " for CUDA itself");
        lines.add(
                way.batch() == needs.batch()
                        ? "batch: " + way.batch() + ", as asked"
                        : "batch: " + way.batch() + " instead of " + needs.batch()
                                + spared(
                                        way,
                                        new Way(
                                                needs.batch(),
                                                way.steps(),
                                                way.bias(),
                                                way.halves(),
                                                way.residency())));
        lines.add(
                way.steps() == needs.steps()
                        ? "modulations: of all " + way.steps() + " steps at once"
                        : "modulations: of " + way.steps() + " of " + needs.steps() + " steps at once"
                                + spared(
                                        way,
                                        new Way(
                                                way.batch(),
                                                needs.steps(),
                                                way.bias(),
                                                way.halves(),
                                                way.residency())));
        if (needs.forms().size() > 1) {
            lines.add(
                    way.bias() == Bias.CONSTANT
                            ? "attention bias: constants, the quicker form"
                            : "attention bias: gathered in each step"
                                    + spared(
                                            way,
                                            new Way(
                                                    way.batch(),
                                                    way.steps(),
                                                    Bias.CONSTANT,
                                                    way.halves(),
                                                    way.residency())));
        }
        if (needs.has(Use.HALF_STEP)) {
            lines.add(
                    way.halves()
                            ? "steps without guidance: on one half, half_step stays loaded"
                            : "steps without guidance: on both halves, half_step is not loaded"
                                    + spared(
                                            way, new Way(way.batch(), way.steps(), way.bias(), true, way.residency())));
        }
        lines.add(
                way.residency() == Residency.ALL
                        ? "engines: all stay loaded"
                        : "engines: " + loadedWhileTheyRun(way.residency())
                                + spared(
                                        way,
                                        new Way(way.batch(), way.steps(), way.bias(), way.halves(), Residency.ALL)));
        return lines;
    }

    private String loadedWhileTheyRun(Residency residency) {
        return residency == Residency.ONE_AT_A_TIME
                ? "one at a time, each only while it runs"
                : "those of "
                        + needs.parts().stream()
                                .filter(p -> residency.onDemand.contains(p.use()))
                                .map(Part::graph)
                                .collect(Collectors.joining(", "))
                        + " only while they run";
    }

    private String spared(Way way, Way dearer) {
        return String.format(
                Locale.ROOT,
                ", which saves %s and costs about %.0f ms",
                text(bytes(dearer) - bytes(way)),
                Math.max(0, 1e3 * (seconds(way) - seconds(dearer))));
    }

    /** A number of bytes in GB. */
    public static String text(long bytes) {
        return String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }

    /** Rounded up, so that it suffices. */
    private static String megabytes(long bytes) {
        return (bytes + 999_999) / 1_000_000 + "MB";
    }

    /**
     * A number of bytes as options name it: 2GB, 1.5GiB, 800MB.
     *
     * @throws MaskRtException (USAGE) if it is none
     */
    public static long bytes(String text) {
        Matcher m = Pattern.compile("(\\d{1,9}(?:\\.\\d{1,6})?)\\s*(G|M)(i?)B", Pattern.CASE_INSENSITIVE)
                .matcher(text.strip());
        if (!m.matches()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "--memory-budget: expected an amount of memory such as 2GB, 1.5GiB or 800MB, got '" + text + "'");
        }
        int kilo = m.group(3).isEmpty() ? 1000 : 1024;
        double unit = m.group(2).equalsIgnoreCase("G") ? Math.pow(kilo, 3) : Math.pow(kilo, 2);
        return (long) (Double.parseDouble(m.group(1)) * unit);
    }
}

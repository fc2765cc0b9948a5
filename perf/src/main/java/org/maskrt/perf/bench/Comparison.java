package org.maskrt.perf.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.perf.CorePlacement;
import org.maskrt.perf.Spread;

/**
 * A benchmark beside an older one.
 *
 * @param rows what both measured, in the same placement of the cores
 * @param sameMachine whether processor and number of cores are the same
 */
public record Comparison(List<Row> rows, boolean sameMachine) {
    /** What medians of two runs of the same differ by on a quiet machine. */
    static final double RESOLUTION = 0.01;

    public Comparison {
        rows = List.copyOf(rows);
    }

    /**
     * One batch of one contender.
     *
     * @param before milliseconds, median
     * @param now milliseconds, median
     * @param ratio now over before, with its 99 % interval
     * @param verdict what it says
     */
    public record Row(
            String model,
            String contender,
            int batch,
            CorePlacement.Tag placement,
            double before,
            double now,
            Spread ratio,
            Verdict verdict) {}

    /**
     * Compares.
     *
     * @param file the older one, for messages
     * @throws MaskRtException (USAGE) if there is nothing that both measured
     */
    public static Comparison of(Path file, BenchResult before, BenchResult now) {
        List<Row> rows = new ArrayList<>();
        for (BenchResult.Model model : now.models()) {
            for (BenchResult.Contender contender : model.contenders()) {
                for (Times times : contender.times()) {
                    Times old = find(before, model, contender, times);
                    if (old != null) {
                        rows.add(row(model, contender, old, times));
                    }
                }
            }
        }
        if (rows.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    file
                            + ": expected times of a model, graph, configuration, batch and placement of the cores that were measured now,"
                            + " found none; it was made by: " + before.run().command());
        }
        Machine a = before.run().machine();
        Machine b = now.run().machine();
        return new Comparison(rows, a.processor().equals(b.processor()) && a.cores() == b.cores());
    }

    private static @Nullable Times find(
            BenchResult in, BenchResult.Model model, BenchResult.Contender contender, Times times) {
        return in.models().stream()
                .filter(m -> m.name().equals(model.name()) && m.graph().equals(model.graph()))
                .flatMap(m -> m.contenders().stream())
                .filter(c -> c.label().equals(contender.label()))
                .map(c -> c.times(times))
                .filter(Objects::nonNull)
                .findFirst()
                .orElse(null);
    }

    private static Row row(BenchResult.Model model, BenchResult.Contender contender, Times before, Times now) {
        Spread ratio = Estimate.unpaired(now.array(), before.array(), RESOLUTION);
        int runs = Math.min(now.millis().size(), before.millis().size());
        return new Row(
                model.name() + " " + model.graph(),
                contender.label(),
                now.batch(),
                now.placement(),
                Estimate.median(before.array()),
                Estimate.median(now.array()),
                ratio,
                Verdict.of(ratio, runs));
    }

    /** The rows that are slower beyond doubt, and by more than {@code tolerance}, a share. */
    public List<Row> slower(double tolerance) {
        return rows.stream()
                .filter(row -> row.verdict() == Verdict.SLOWER && row.ratio().middle() > 1 + tolerance)
                .toList();
    }
}

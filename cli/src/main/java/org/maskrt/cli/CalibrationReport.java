package org.maskrt.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.maskrt.calibration.LinearScales;
import org.maskrt.calibration.Observations;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.calibration.Statistics;
import org.maskrt.models.weights.AtomicFiles;
import org.maskrt.perf.report.Axis;
import org.maskrt.perf.report.Bars;
import org.maskrt.perf.report.Block;
import org.maskrt.perf.report.Report;
import org.maskrt.perf.report.XyPlot;

/** What a calibration saw and chose, as a page and its figures as files: ranges over timesteps, and the drift of each layer. */
final class CalibrationReport {
    /** Magnitudes that are further apart than this get a logarithmic axis. */
    private static final double FAR = 30;

    private final Observations observations;
    private final ScaleTable table;

    /** dB of each linear quantised alone; empty if drift was not measured. */
    private final Map<String, Double> drift;

    CalibrationReport(Observations observations, ScaleTable table, Map<String, Double> drift) {
        this.observations = observations;
        this.table = table;
        this.drift = drift;
    }

    /**
     * Writes {@code report.html}, {@code ranges.svg} and, if drift was measured, {@code drift.svg}.
     *
     * @param command that makes it again
     * @throws org.maskrt.models.MaskRtException if a file cannot be written
     */
    void write(Path folder, String model, String command) {
        Map<String, Block.Figure> figures = new LinkedHashMap<>();
        figures.put("ranges", ranges());
        if (!drift.isEmpty()) {
            figures.put("drift", drift());
        }
        List<Block> blocks = new ArrayList<>(figures.values());
        blocks.add(layers());
        blocks.add(new Block.Code(command));
        Report page = new Report("Calibration of " + model, subtitle(), List.of(new Report.Section("", blocks)));
        figures.forEach((name, figure) -> AtomicFiles.writeString(folder.resolve(name + ".svg"), figure.svg()));
        AtomicFiles.writeString(folder.resolve("report.html"), page.html());
    }

    private String subtitle() {
        Map<String, String> settings = table.provenance().settings();
        return settings.getOrDefault("pictures", "?") + " pictures, steps " + settings.getOrDefault("steps", "?") + ", "
                + observations.bins().count() + " intervals of timesteps";
    }

    /** Of each kind of layer the one whose largest magnitude changes most. */
    private Block.Figure ranges() {
        Map<String, String> telling = new TreeMap<>();
        for (String path : linears()) {
            telling.merge(
                    path.substring(path.lastIndexOf('.') + 1),
                    path,
                    (one, other) -> change(other) > change(one) ? other : one);
        }
        double[] edges = observations.bins().edges();
        double low = Double.POSITIVE_INFINITY;
        double high = 0;
        List<XyPlot.Series> series = new ArrayList<>();
        for (String path : telling.values()) {
            List<XyPlot.Point> points = new ArrayList<>();
            for (int bin = 0; bin < observations.bins().count(); bin++) {
                Statistics seen = observations.at(path, bin);
                if (seen != null && seen.magnitudes().max() > 0) {
                    double largest = seen.magnitudes().max();
                    points.add(XyPlot.Point.of((edges[bin] + edges[bin + 1]) / 2, largest));
                    low = Math.min(low, largest);
                    high = Math.max(high, largest);
                }
            }
            series.add(new XyPlot.Series(path, XyPlot.Style.LINE, series.size(), points));
        }
        return new Block.Figure(
                "Largest input of a layer over timesteps",
                "Of each kind of layer the one for which it changes most; at timestep 0 there is no noise.",
                new XyPlot(
                        Axis.linear("timestep", edges[0], edges[edges.length - 1]),
                        high / low > FAR
                                ? Axis.powers("largest magnitude", low, high)
                                : Axis.linear("largest magnitude", 0, high),
                        series));
    }

    /** The ratio of the largest magnitudes of two intervals. */
    private double change(String path) {
        double low = Double.POSITIVE_INFINITY;
        double high = 0;
        for (int bin = 0; bin < observations.bins().count(); bin++) {
            Statistics seen = observations.at(path, bin);
            if (seen != null) {
                low = Math.min(low, seen.magnitudes().max());
                high = Math.max(high, seen.magnitudes().max());
            }
        }
        return low > 0 ? high / low : 0;
    }

    private Block.Figure drift() {
        List<Bars.Row> rows = drift.entrySet().stream()
                .sorted(Map.Entry.<String, Double>comparingByValue().thenComparing(Map.Entry.comparingByKey()))
                .map(e -> new Bars.Row(
                        e.getKey() + (table.kept().containsKey(e.getKey()) ? " (kept)" : ""),
                        List.of(Math.pow(10, -e.getValue() / 20))))
                .toList();
        return new Block.Figure(
                "Error of the latents with one layer quantised",
                "After the last step, as a part of their range; the ratio beside it is that of the range to the error.",
                new Bars(
                        List.of("error"),
                        rows,
                        error -> String.format(Locale.ROOT, "%.1f dB", -20 * Math.log10(error))));
    }

    private Block layers() {
        List<String> columns =
                List.of("layer", "largest", "over timesteps", "format", "clipped at", "alpha", "error", "alone");
        List<List<String>> rows = linears().stream()
                .sorted(Comparator.naturalOrder())
                .map(this::row)
                .toList();
        return new Block.Table("All layers", columns, rows, false);
    }

    private List<String> row(String path) {
        LinearScales scales = table.linears().get(path);
        Statistics all = observations.over(path, 0, observations.bins().count());
        Double alone = drift.get(path);
        return List.of(
                path,
                Axis.label(all.magnitudes().max()),
                Axis.label(change(path)) + "x",
                scales == null ? "kept" : scales.input().format().label(),
                clipped(scales),
                scales == null || scales.smoothing().factors().length == 0
                        ? "-"
                        : Axis.label(scales.smoothing().alpha()),
                scales == null
                        ? "-"
                        : String.format(Locale.ROOT, "%.2g", scales.smoothing().error()),
                alone == null ? "-" : String.format(Locale.ROOT, "%.1f dB", alone));
    }

    private static String clipped(@Nullable LinearScales scales) {
        if (scales == null) {
            return "-";
        }
        float largest = 0;
        for (float scale : scales.input().scales()) {
            largest = Math.max(largest, scale);
        }
        return Axis.label(largest * scales.input().format().largest());
    }

    private List<String> linears() {
        TreeSet<String> paths = new TreeSet<>(table.linears().keySet());
        paths.addAll(table.kept().keySet());
        paths.retainAll(observations.paths());
        return List.copyOf(paths);
    }
}

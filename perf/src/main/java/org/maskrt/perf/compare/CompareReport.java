package org.maskrt.perf.compare;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.image.RgbImage;
import org.maskrt.perf.bench.Format;
import org.maskrt.perf.report.Axis;
import org.maskrt.perf.report.Bars;
import org.maskrt.perf.report.Block;
import org.maskrt.perf.report.Report;
import org.maskrt.perf.report.XyPlot;

/** A comparison as a page. */
public final class CompareReport {
    /** Pairs of pictures that are shown: the worst, then the others in their order. */
    private static final int SHOWN = 12;

    private static final int LOWEST = 12;
    private static final int AMPLIFIED = 8;
    private static final int GREY = 5;

    /** Kinds of layers that are told apart in the plot, by how their paths end. */
    private static final List<String> KINDS = List.of("qkv", "attn", "proj", "fc1", "fc2");

    private final CompareResult result;
    private final Compare.Outcome outcome;

    private CompareReport(CompareResult result, Compare.Outcome outcome) {
        this.result = result;
        this.outcome = outcome;
    }

    /**
     * The page.
     *
     * @param result with all that is known by now
     * @param outcome that it comes from, with the pictures
     * @param failures what of the tolerances is not kept; null if none were given
     */
    public static Report of(CompareResult result, Compare.Outcome outcome, @Nullable List<String> failures) {
        CompareReport report = new CompareReport(result, outcome);
        List<Report.Section> sections = new ArrayList<>();
        sections.add(report.summary(failures));
        sections.add(report.pictures());
        sections.add(report.steps());
        CompareResult.Paths paths = result.paths();
        if (paths != null) {
            sections.add(layers(paths));
        }
        sections.add(report.circumstances());
        return new Report(
                "Two variants of a model",
                "A is " + result.a().name() + ", B is " + result.b().name() + "; "
                        + result.run().created(),
                sections);
    }

    /** Decibels, or what there is instead. */
    public static String decibels(double snr) {
        return snr == Double.POSITIVE_INFINITY
                ? "equal"
                : Double.isNaN(snr) ? "not a number" : String.format(Locale.ROOT, "%.1f dB", snr);
    }

    /** Where B departs, in a few words. */
    public static String departure(CompareResult.Paths paths) {
        CompareResult.Path first = paths.first();
        return first == null
                ? "no path departs by more than " + decibels(paths.departs())
                : first.graph() + " " + first.path() + " departs first, at " + decibels(first.snr()) + " (limit "
                        + decibels(paths.departs()) + ")";
    }

    private Report.Section summary(@Nullable List<String> failures) {
        List<Block> blocks = new ArrayList<>();
        if (failures != null) {
            blocks.add(
                    failures.isEmpty()
                            ? new Block.Callout(Block.Tone.GOOD, "Passed", "All tolerances are kept.")
                            : new Block.Callout(Block.Tone.BAD, "Failed", String.join("; ", failures)));
        }
        List<Block.Tile> tiles = new ArrayList<>();
        tiles.add(new Block.Tile(
                "PSNR of the pictures",
                decibels(result.meanPsnr()),
                "mean of " + result.pictures().size() + ", the lowest " + decibels(result.leastPsnr())));
        Double ssim = result.meanSsim();
        if (ssim != null) {
            tiles.add(new Block.Tile("SSIM", String.format(Locale.ROOT, "%.4f", ssim), "mean"));
        }
        tiles.add(new Block.Tile(
                "Latents at the end",
                decibels(result.steps().get(result.steps().size() - 1).drift()),
                "the lowest after any step " + decibels(result.leastDrift())));
        CompareResult.Accuracy accuracy = result.accuracy();
        if (accuracy != null) {
            tiles.add(new Block.Tile(
                    accuracy.what(),
                    Format.percent(accuracy.b()),
                    "A " + Format.percent(accuracy.a()) + ", " + accuracy.pictures() + " pictures"));
        }
        for (CompareResult.Time time : result.times()) {
            tiles.add(new Block.Tile(
                    "Time of a step, B over A",
                    Format.ratio(time.ratio().middle()),
                    Format.ends(time.ratio()) + ", cores " + Format.placement(time.placement())));
        }
        blocks.add(new Block.Tiles(tiles));
        CompareResult.Paths paths = result.paths();
        if (paths != null) {
            boolean none = paths.first() == null;
            blocks.add(
                    new Block.Callout(none ? Block.Tone.GOOD : Block.Tone.NEUTRAL, "Layers", departure(paths) + "."));
        }
        return new Report.Section("", blocks);
    }

    private Report.Section pictures() {
        List<Integer> order = IntStream.range(0, result.pictures().size())
                .boxed()
                .sorted(Comparator.comparingDouble(i -> result.pictures().get(i).psnr()))
                .limit(SHOWN)
                .toList();
        List<Block.PictureRow> rows = new ArrayList<>();
        for (int i : order) {
            CompareResult.Picture picture = result.pictures().get(i);
            RgbImage x = outcome.a().compared().get(i);
            RgbImage y = outcome.b().compared().get(i);
            Double ssim = picture.ssim();
            rows.add(new Block.PictureRow(
                    picture.title() + ", picture " + i + ": PSNR " + decibels(picture.psnr())
                            + (ssim == null ? "" : String.format(Locale.ROOT, ", SSIM %.4f", ssim)),
                    List.of(x, y, difference(x, y))));
        }
        List<Block> blocks = new ArrayList<>();
        blocks.add(
                new Block.Text("Both begin with the same noise. Shown are the pairs that differ most; a difference of "
                        + 128 / AMPLIFIED + " levels is white or black, none is grey."));
        blocks.add(new Block.Pictures("A, B, and B - A times " + AMPLIFIED, List.of("A", "B", "B - A"), rows));
        List<XyPlot.Point> points = IntStream.range(0, result.pictures().size())
                .filter(i -> Double.isFinite(result.pictures().get(i).psnr()))
                .mapToObj(i -> XyPlot.Point.of(i, result.pictures().get(i).psnr()))
                .toList();
        if (!points.isEmpty()) {
            blocks.add(new Block.Figure(
                    "PSNR of each picture",
                    equal(result.pictures().size() - points.size(), "pictures"),
                    plot("picture", List.of(new XyPlot.Series("", XyPlot.Style.DOTS, 0, points)))));
        }
        return new Report.Section("Pictures", blocks);
    }

    private static RgbImage difference(RgbImage x, RgbImage y) {
        RgbImage out = new RgbImage(x.width(), x.height());
        for (int i = 0; i < x.pixels().length; i++) {
            int difference = Byte.toUnsignedInt(y.pixels()[i]) - Byte.toUnsignedInt(x.pixels()[i]);
            out.pixels()[i] = (byte) Math.max(0, Math.min(255, 128 + AMPLIFIED * difference));
        }
        return out;
    }

    private Report.Section steps() {
        List<XyPlot.Point> drift = new ArrayList<>();
        List<XyPlot.Point> local = new ArrayList<>();
        List<List<String>> rows = new ArrayList<>();
        for (CompareResult.Step step : result.steps()) {
            add(drift, step.step(), step.drift());
            add(local, step.step(), step.local());
            rows.add(List.of(step.step() + "", decibels(step.drift()), decibels(step.local())));
        }
        List<Block> blocks = new ArrayList<>();
        blocks.add(
                new Block.Text(
                        "Signal to noise of B's latents after each step, A's being the signal: with B on a trajectory of"
                                + " its own, where errors add up, and with each step of B on the latents that A had before it."));
        if (!(drift.isEmpty() && local.isEmpty())) {
            blocks.add(new Block.Figure(
                    "Latents, step by step",
                    equal(2 * result.steps().size() - drift.size() - local.size(), "points"),
                    plot(
                            "step",
                            List.of(
                                    new XyPlot.Series("own trajectory", XyPlot.Style.BARE, 1, drift),
                                    new XyPlot.Series("one step on A's latents", XyPlot.Style.BARE, 0, local)))));
        }
        blocks.add(new Block.Table("Each step", List.of("step", "own trajectory", "one step"), rows, true));
        return new Report.Section("Steps", blocks);
    }

    private static Report.Section layers(CompareResult.Paths paths) {
        List<Block> blocks = new ArrayList<>();
        blocks.add(new Block.Text(
                "What each layer computes in B, that of A being the signal. Both are given the inputs that A's graphs had for the first picture (conditioner: all"
                        + " timesteps; denoiser: steps "
                        + String.join(
                                ", ", paths.steps().stream().map(i -> i + "").toList())
                        + ", with the condition and without). Errors of a layer are in those after it too."));
        List<XyPlot.Series> series = new ArrayList<>();
        int drawn = 0;
        for (int kind = 0; kind <= KINDS.size(); kind++) {
            List<XyPlot.Point> points = new ArrayList<>();
            for (int i = 0; i < paths.rows().size(); i++) {
                if (kind(paths.rows().get(i)) == kind) {
                    add(points, i + 1, paths.rows().get(i).snr());
                }
            }
            if (!points.isEmpty()) {
                drawn += points.size();
                series.add(new XyPlot.Series(
                        kind == KINDS.size() ? "other" : KINDS.get(kind),
                        XyPlot.Style.DOTS,
                        kind == KINDS.size() ? GREY : kind,
                        points));
            }
        }
        if (drawn > 0) {
            series.add(new XyPlot.Series(
                    "",
                    XyPlot.Style.DASHED,
                    GREY,
                    List.of(
                            XyPlot.Point.of(1, paths.departs()),
                            XyPlot.Point.of(paths.rows().size(), paths.departs()))));
            blocks.add(new Block.Figure(
                    "Layers in the order in which they run",
                    "Dashed: what is lower departs. " + equal(paths.rows().size() - drawn, "layers"),
                    plot("layer", series)));
            blocks.add(new Block.Figure(
                    "Lowest of all layers",
                    "In decibels.",
                    new Bars(
                            List.of("dB"),
                            paths.rows().stream()
                                    .filter(row -> Double.isFinite(row.snr()))
                                    .sorted(Comparator.comparingDouble(CompareResult.Path::snr))
                                    .limit(LOWEST)
                                    .map(row -> new Bars.Row(row.path(), List.of(Math.max(0, row.snr()))))
                                    .toList(),
                            v -> String.format(Locale.ROOT, "%.1f", v))));
        }
        List<List<String>> rows = new ArrayList<>();
        for (CompareResult.Path row : paths.rows()) {
            rows.add(List.of(
                    row.path(),
                    row.graph(),
                    decibels(row.snr()),
                    row.worstStep() == 0 ? "-" : decibels(row.worst()) + " (step " + row.worstStep() + ")"));
        }
        blocks.add(new Block.Table("Every layer", List.of("path", "graph", "signal to noise", "lowest"), rows, true));
        return new Report.Section("Layers", blocks);
    }

    private static int kind(CompareResult.Path row) {
        String last = row.path().substring(row.path().lastIndexOf('.') + 1);
        int kind = KINDS.indexOf(last);
        return kind < 0 ? KINDS.size() : kind;
    }

    private static void add(List<XyPlot.Point> points, double x, double y) {
        if (Double.isFinite(y)) {
            points.add(XyPlot.Point.of(x, y));
        }
    }

    private static String equal(int count, String what) {
        return count == 0 ? "" : count + " " + what + " that are equal, or no numbers, are left out.";
    }

    private static XyPlot plot(String x, List<XyPlot.Series> series) {
        List<XyPlot.Point> all =
                series.stream().flatMap(s -> s.points().stream()).toList();
        double left = all.stream().mapToDouble(XyPlot.Point::x).min().orElse(0);
        double right = all.stream().mapToDouble(XyPlot.Point::x).max().orElse(1);
        double low = all.stream().mapToDouble(XyPlot.Point::y).min().orElse(0);
        double high = all.stream().mapToDouble(XyPlot.Point::y).max().orElse(1);
        return new XyPlot(Axis.linear(x, left, right), Axis.linear("dB", low, high), series);
    }

    private Report.Section circumstances() {
        List<List<String>> rows = new ArrayList<>();
        TreeSet<String> names = new TreeSet<>(result.a().settings().keySet());
        names.addAll(result.b().settings().keySet());
        for (String name : names) {
            rows.add(List.of(name, setting(result.a(), name), setting(result.b(), name)));
        }
        List<List<String>> machine = new ArrayList<>();
        machine.add(List.of(
                "processor",
                result.run().machine().processor() + ", "
                        + result.run().machine().cores() + " cores"));
        machine.add(List.of("system", result.run().machine().system()));
        for (Map.Entry<String, String> version :
                result.run().machine().versions().entrySet()) {
            machine.add(List.of(version.getKey(), version.getValue()));
        }
        List<List<String>> times = new ArrayList<>();
        for (CompareResult.Time time : result.times()) {
            times.add(List.of(
                    Format.placement(time.placement()),
                    time.pairs() + "",
                    Format.millis(time.a()),
                    Format.millis(time.b()),
                    Format.ratio(time.ratio().middle()),
                    Format.ends(time.ratio()),
                    time.said()));
        }
        return new Report.Section(
                "How it was measured",
                List.of(
                        new Block.Text("To repeat it:"),
                        new Block.Code(result.run().command()),
                        Block.Table.of("Variants", List.of("", "A", "B"), rows),
                        Block.Table.of(
                                "Time of a step, batches of both in turn",
                                List.of("cores", "pairs", "A", "B", "B over A", "99 %", ""),
                                times),
                        Block.Table.of("Machine and versions", List.of("", ""), machine)));
    }

    private static String setting(CompareResult.Side side, String name) {
        return side.settings().getOrDefault(name, "-");
    }
}

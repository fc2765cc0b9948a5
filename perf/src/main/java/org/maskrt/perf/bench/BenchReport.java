package org.maskrt.perf.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.maskrt.perf.report.Axis;
import org.maskrt.perf.report.Bars;
import org.maskrt.perf.report.Block;
import org.maskrt.perf.report.Plot;
import org.maskrt.perf.report.Report;
import org.maskrt.perf.report.Waterfall;
import org.maskrt.perf.report.XyPlot;

/** A benchmark as a page. */
public final class BenchReport {
    private static final int COLOURS = 6;
    private static final int GREY = 5;
    private static final int KINDS = 12;
    private static final int CURVE = 60;

    private final BenchResult result;

    private BenchReport(BenchResult result) {
        this.result = result;
    }

    /**
     * The page.
     *
     * @param comparison with an older benchmark; null for none
     */
    public static Report of(BenchResult result, @Nullable Comparison comparison) {
        BenchReport report = new BenchReport(result);
        List<Report.Section> sections = new ArrayList<>();
        if (comparison != null) {
            sections.add(report.comparison(comparison));
        }
        result.models().forEach(model -> sections.add(report.model(model)));
        sections.add(report.circumstances());
        String names = String.join(
                ", ", result.models().stream().map(BenchResult.Model::name).toList());
        BenchResult.Run run = result.run();
        return new Report(
                "Benchmark of " + names,
                run.machine().processor() + ", " + run.machine().cores() + " cores, "
                        + run.created().substring(0, 10),
                sections);
    }

    private Report.Section comparison(Comparison comparison) {
        List<Block> blocks = new ArrayList<>();
        if (!comparison.sameMachine()) {
            blocks.add(new Block.Callout(
                    Block.Tone.NEUTRAL,
                    "Another machine",
                    "The older benchmark was made on another processor or on other cores."));
        }
        List<List<String>> rows = new ArrayList<>();
        for (Comparison.Row row : comparison.rows()) {
            rows.add(List.of(
                    row.model() + ", " + row.contender() + ", batch " + row.batch() + ", "
                            + Format.placement(row.placement()),
                    Format.millis(row.before()),
                    Format.millis(row.now()),
                    Format.ratio(row.ratio().middle()),
                    Format.ends(row.ratio()),
                    row.verdict().label()));
        }
        long slower = comparison.rows().stream()
                .filter(row -> row.verdict() == Verdict.SLOWER)
                .count();
        long faster = comparison.rows().stream()
                .filter(row -> row.verdict() == Verdict.FASTER)
                .count();
        blocks.add(new Block.Callout(
                slower > 0 ? Block.Tone.BAD : faster > 0 ? Block.Tone.GOOD : Block.Tone.NEUTRAL,
                slower + " slower, " + faster + " faster, " + (comparison.rows().size() - slower - faster)
                        + " without a difference that can be seen",
                "A difference counts when the 99 % interval of the ratio of medians leaves out 1, after it was widened by what the"
                        + " machine drifted within either benchmark."));
        blocks.add(Block.Table.of(
                "Median time before and now",
                List.of("what", "before", "now", "now / before", "99 % interval", "verdict"),
                rows));
        return new Report.Section("Compared with the older benchmark", blocks);
    }

    private Report.Section model(BenchResult.Model model) {
        List<Block> blocks = new ArrayList<>();
        blocks.add(new Block.Tiles(tiles(model)));
        blocks.addAll(verdicts(model));
        blocks.add(new Block.Figure(
                "Latency against batch",
                "Median of a run, with the tenth to the ninetieth percentile.",
                latency(model)));
        blocks.add(new Block.Figure(
                "Distribution at batch " + batch(model), "Share of runs that took no longer.", distribution(model)));
        if (model.contenders().size() > 1) {
            blocks.add(new Block.Figure(
                    "Round by round at batch " + batch(model),
                    "Time over that of " + first(model).label() + " in the same round; above 1 is slower.",
                    rounds(model)));
        }
        if (model.generation() != null) {
            blocks.add(new Block.Figure(
                    "Stages of a generation",
                    model.generation().what() + ", batch " + model.generation().batch() + ".",
                    stages(model.generation())));
        }
        Limits limits = result.limits();
        if (limits != null && !model.costs().isEmpty()) {
            blocks.add(new Block.Figure(
                    "Roofline",
                    "Limits " + limits.source()
                            + ". Points are medians, labelled with their batch; bytes are those of the weights.",
                    roofline(model, limits)));
            blocks.add(new Block.Figure(
                    "Where the work is, batch " + batch(model),
                    first(model).paths().isEmpty()
                            ? "The least time that each kind of layer takes at these limits."
                            : "The least time that each kind of layer takes at these limits, and the time measured.",
                    paths(model, limits)));
        }
        blocks.add(percentiles(model));
        if (model.contenders().size() > 1) {
            blocks.add(ratios(model));
        }
        if (model.contenders().stream().anyMatch(c -> c.cold() != null)) {
            blocks.add(cold(model));
        }
        if (limits != null && !model.costs().isEmpty()) {
            blocks.add(limitTable(model, limits));
            blocks.add(kindTable(model, limits));
            blocks.add(pathTable(model, limits));
        }
        blocks.add(settings(model));
        return new Report.Section(model.name() + ", " + model.graph(), blocks);
    }

    private static BenchResult.Contender first(BenchResult.Model model) {
        return model.contenders().get(0);
    }

    private static boolean isFirst(BenchResult.Model model, BenchResult.Contender contender) {
        return contender.label().equals(first(model).label());
    }

    /** The times that stand for a model: those of the placement with the most runs at the smallest batch. */
    private static Times main(BenchResult.Model model) {
        return first(model).times().stream()
                .filter(t -> t.batch() == first(model).times().get(0).batch())
                .max(Comparator.comparingInt((Times t) -> t.millis().size()))
                .orElseThrow();
    }

    private static int batch(BenchResult.Model model) {
        return main(model).batch();
    }

    private List<Block.Tile> tiles(BenchResult.Model model) {
        Times times = main(model);
        List<Block.Tile> tiles = new ArrayList<>();
        String cores = result.run().machine().cores() > 1 ? ", cores " + Format.placement(times.placement()) : "";
        tiles.add(new Block.Tile(
                "Median of a run, batch " + times.batch(),
                Format.millis(times.percentiles().p50()),
                times.millis().size() + " runs" + cores));
        tiles.add(new Block.Tile(
                "99th percentile",
                Format.millis(times.percentiles().p99()),
                String.format(Locale.ROOT, "%.2f samples/s", times.throughput())));
        Cost cost = model.cost(times.batch());
        if (cost != null && result.limits() != null) {
            double floor = floor(cost, result.limits());
            tiles.add(new Block.Tile(
                    "Of the machine's limit",
                    Format.percent(floor / times.percentiles().p50()),
                    "floor " + Format.millis(floor)));
        }
        ratios(model, times)
                .forEach(ratio -> tiles.add(new Block.Tile(
                        ratio.contender() + " takes",
                        Format.ratio(ratio.interval().middle()),
                        Format.ends(ratio.interval()) + ", " + ratio.rounds() + " rounds")));
        ColdStart cold = first(model).cold();
        if (cold != null) {
            tiles.add(new Block.Tile(
                    "Start to first result",
                    Format.millis(cold.firstResultMillis()),
                    "graph opened in " + Format.millis(cold.openMillis())));
            tiles.add(new Block.Tile(
                    "Peak memory",
                    Format.bytes(cold.memory().peakBytes()),
                    Format.bytes(cold.memory().nativeBytes()) + " outside the heap"));
            tiles.add(new Block.Tile(
                    "Java allocates a run", Format.bytes(cold.memory().allocatedPerRun()), ""));
        }
        return tiles;
    }

    private static List<BenchResult.Ratio> ratios(BenchResult.Model model, Times like) {
        return model.ratios().stream()
                .filter(r -> r.batch() == like.batch() && r.placement() == like.placement())
                .toList();
    }

    private static List<Block> verdicts(BenchResult.Model model) {
        List<Block> blocks = new ArrayList<>();
        for (BenchResult.Ratio ratio : ratios(model, main(model))) {
            String ours = first(model).label();
            boolean seen = ratio.verdict() != Verdict.NO_DIFFERENCE;
            String title = seen
                    ? ours + " is " + (ratio.verdict() == Verdict.SLOWER ? "faster" : "slower") + " than "
                            + ratio.contender()
                    : "No difference between " + ours + " and " + ratio.contender() + " that can be seen";
            blocks.add(new Block.Callout(
                    !seen ? Block.Tone.NEUTRAL : ratio.verdict() == Verdict.SLOWER ? Block.Tone.GOOD : Block.Tone.BAD,
                    title,
                    String.format(
                            Locale.ROOT,
                            "In %d rounds at batch %d it takes %.3f times as long as %s (99 %% interval of the median of the rounds'"
                                    + " ratios: %.3f to %.3f).",
                            ratio.rounds(),
                            ratio.batch(),
                            1 / ratio.interval().middle(),
                            ratio.contender(),
                            1 / ratio.interval().high(),
                            1 / ratio.interval().low())));
        }
        return blocks;
    }

    /** The least time of a run. */
    static double floor(Cost cost, Limits limits) {
        return limits.floorMillis(cost.total().flops(), cost.total().weightBytes());
    }

    /** A series for each contender and placement. */
    private interface Drawn {
        List<XyPlot.Point> points(BenchResult.Contender contender, List<Times> times);
    }

    private static List<XyPlot.Series> series(BenchResult.Model model, XyPlot.Style style, Drawn drawn) {
        List<XyPlot.Series> series = new ArrayList<>();
        for (BenchResult.Contender contender : model.contenders()) {
            TreeMap<String, List<Times>> placements = new TreeMap<>(Comparator.reverseOrder());
            contender
                    .times()
                    .forEach(t -> placements
                            .computeIfAbsent(Format.placement(t.placement()), p -> new ArrayList<>())
                            .add(t));
            placements.forEach((placement, times) -> {
                List<XyPlot.Point> points = drawn.points(contender, times);
                if (!points.isEmpty()) {
                    series.add(new XyPlot.Series(
                            contender.label() + ", " + placement, style, series.size() % COLOURS, points));
                }
            });
        }
        return series;
    }

    private static Plot latency(BenchResult.Model model) {
        List<XyPlot.Series> series = series(
                model,
                XyPlot.Style.LINE,
                (contender, times) -> times.stream()
                        .map(t -> new XyPlot.Point(
                                t.batch(),
                                t.spread().middle(),
                                t.spread().low(),
                                t.spread().high(),
                                ""))
                        .toList());
        double most =
                points(series).stream().mapToDouble(XyPlot.Point::high).max().orElse(1);
        List<Double> batches = first(model).times().stream()
                .map(t -> (double) t.batch())
                .distinct()
                .sorted()
                .toList();
        return new XyPlot(Axis.marked("batch", batches), Axis.linear("ms", 0, most), series);
    }

    private static List<XyPlot.Point> points(List<XyPlot.Series> series) {
        return series.stream().flatMap(s -> s.points().stream()).toList();
    }

    private static Plot distribution(BenchResult.Model model) {
        int batch = batch(model);
        List<XyPlot.Series> series = series(
                model,
                XyPlot.Style.BARE,
                (contender, times) -> times.stream()
                        .filter(t -> t.batch() == batch)
                        .flatMap(t -> cumulative(t).stream())
                        .toList());
        double most = points(series).stream().mapToDouble(XyPlot.Point::x).max().orElse(1);
        double least =
                points(series).stream().mapToDouble(XyPlot.Point::x).min().orElse(0);
        return new XyPlot(Axis.linear("ms", least, most), Axis.linear("% of runs", 0, 100), series);
    }

    private static List<XyPlot.Point> cumulative(Times times) {
        double[] sorted = times.array();
        Arrays.sort(sorted);
        List<XyPlot.Point> points = new ArrayList<>();
        int steps = Math.min(sorted.length, CURVE);
        for (int i = 0; i <= steps; i++) {
            int at = Math.min(sorted.length - 1, i * sorted.length / steps);
            points.add(XyPlot.Point.of(sorted[at], 100.0 * i / steps));
        }
        return points;
    }

    private static Plot rounds(BenchResult.Model model) {
        int batch = batch(model);
        List<XyPlot.Series> dots = series(model, XyPlot.Style.DOTS, (contender, times) -> {
            List<XyPlot.Point> points = new ArrayList<>();
            if (isFirst(model, contender)) {
                return points;
            }
            for (Times t : times) {
                Times ours = first(model).times(t);
                if (t.batch() == batch && ours != null) {
                    double[] ratios = BenchResult.Ratio.ratios(t, ours);
                    for (int i = 0; i < ratios.length; i++) {
                        points.add(XyPlot.Point.of(i + 1, ratios[i]));
                    }
                }
            }
            return points;
        });
        List<XyPlot.Point> all = points(dots);
        double most = all.stream().mapToDouble(XyPlot.Point::y).max().orElse(1);
        double least = all.stream().mapToDouble(XyPlot.Point::y).min().orElse(1);
        double last = all.stream().mapToDouble(XyPlot.Point::x).max().orElse(1);
        Axis x = Axis.linear("round", 0, last);
        List<XyPlot.Series> series = new ArrayList<>();
        series.add(new XyPlot.Series(
                "", XyPlot.Style.DASHED, GREY, List.of(XyPlot.Point.of(x.from(), 1), XyPlot.Point.of(x.to(), 1))));
        series.addAll(dots);
        return new XyPlot(x, Axis.linear("ratio", Math.min(1, least), Math.max(1, most)), series);
    }

    private static Plot stages(Generation generation) {
        List<String> names =
                generation.first().stream().map(Generation.Stage::name).toList();
        return new Waterfall(
                List.of(group("first", generation.first(), names), group("later, median", generation.later(), names)),
                Format::millis);
    }

    private static Waterfall.Group group(String name, List<Generation.Stage> stages, List<String> names) {
        return new Waterfall.Group(
                name,
                stages.stream()
                        .map(s -> new Waterfall.Part(
                                s.name(), s.millis(), Math.max(0, names.indexOf(s.name())) % COLOURS))
                        .toList());
    }

    private static Plot roofline(BenchResult.Model model, Limits limits) {
        List<XyPlot.Series> measured = series(model, XyPlot.Style.DOTS, (contender, times) -> {
            List<XyPlot.Point> points = new ArrayList<>();
            for (Times t : times) {
                Cost cost = model.cost(t.batch());
                if (cost != null) {
                    Cost.Row total = cost.total();
                    double gflops = total.flops() / t.percentiles().p50() / 1e6;
                    String label = isFirst(model, contender) ? t.batch() + "" : "";
                    points.add(new XyPlot.Point(total.flops() / total.weightBytes(), gflops, gflops, gflops, label));
                }
            }
            return points;
        });
        List<XyPlot.Point> all = points(measured);
        double right = all.stream().mapToDouble(XyPlot.Point::x).max().orElse(limits.ridge());
        double low = all.stream().mapToDouble(XyPlot.Point::y).min().orElse(limits.gflops());
        Axis x = Axis.powers(
                "operations per byte of weights", limits.ridge() / 3, Math.max(limits.ridge() * 10, right * 1.5));
        Axis y = Axis.powers(
                "GFLOP/s", Math.min(low, limits.gigabytesPerSecond() * x.from()) / 1.2, limits.gflops() * 1.2);
        List<XyPlot.Point> roof = List.of(
                XyPlot.Point.of(x.from(), x.from() * limits.gigabytesPerSecond()),
                XyPlot.Point.of(limits.ridge(), limits.gflops()),
                XyPlot.Point.of(x.to(), limits.gflops()));
        List<XyPlot.Series> series = new ArrayList<>();
        series.add(new XyPlot.Series(
                String.format(Locale.ROOT, "%.0f GFLOP/s, %.1f GB/s", limits.gflops(), limits.gigabytesPerSecond()),
                XyPlot.Style.BARE,
                GREY,
                roof));
        series.addAll(measured);
        return new XyPlot(x, y, series);
    }

    private static Plot paths(BenchResult.Model model, Limits limits) {
        BenchResult.Contender first = first(model);
        boolean measured = !first.paths().isEmpty();
        List<Bars.Row> rows = new ArrayList<>();
        for (Cost.Kind kind : ordered(model, limits)) {
            double floor = limits.floorMillis(kind.row().flops(), kind.row().weightBytes());
            double millis = measured(first, kind.row().path());
            if (floor > 0 || millis > 0) {
                String label = name(kind.row().path()) + (kind.count() > 1 ? " (" + kind.count() + ")" : "");
                rows.add(new Bars.Row(label, measured ? List.of(floor, millis) : List.of(floor)));
            }
        }
        return new Bars(
                measured ? List.of("at the limit", "measured") : List.of("at the limit"),
                rows.subList(0, Math.min(rows.size(), KINDS)),
                Format::millis);
    }

    private static String name(String path) {
        return path.isEmpty() ? "in no layer" : path;
    }

    private static double measured(BenchResult.Contender contender, String kind) {
        return contender.paths().entrySet().stream()
                .filter(e -> Cost.kind(e.getKey()).equals(kind))
                .mapToDouble(Map.Entry::getValue)
                .sum();
    }

    private static List<Cost.Kind> ordered(BenchResult.Model model, Limits limits) {
        return model.costs().get(0).kinds().stream()
                .sorted(Comparator.comparingDouble(
                        k -> -limits.floorMillis(k.row().flops(), k.row().weightBytes())))
                .toList();
    }

    private static Block percentiles(BenchResult.Model model) {
        List<List<String>> rows = new ArrayList<>();
        for (BenchResult.Contender contender : model.contenders()) {
            for (Times t : contender.times()) {
                Percentiles p = t.percentiles();
                rows.add(List.of(
                        contender.label(),
                        t.batch() + "",
                        Format.placement(t.placement()),
                        t.millis().size() + "",
                        Format.millis(p.p50()),
                        Format.millis(p.p90()),
                        Format.millis(p.p95()),
                        Format.millis(p.p99()),
                        String.format(Locale.ROOT, "%.2f", t.throughput())));
            }
        }
        return Block.Table.of(
                "Latency",
                List.of("configuration", "batch", "cores", "runs", "50 %", "90 %", "95 %", "99 %", "samples/s"),
                rows);
    }

    private static Block ratios(BenchResult.Model model) {
        List<List<String>> rows = new ArrayList<>();
        for (BenchResult.Ratio r : model.ratios()) {
            rows.add(List.of(
                    r.contender(),
                    r.batch() + "",
                    Format.placement(r.placement()),
                    r.rounds() + "",
                    Format.ratio(r.interval().middle()),
                    Format.ends(r.interval()),
                    Format.ends(r.rounds10To90()),
                    r.verdict().label()));
        }
        return Block.Table.of(
                "Time over that of " + first(model).label() + ", round by round",
                List.of(
                        "configuration",
                        "batch",
                        "cores",
                        "rounds",
                        "ratio",
                        "99 % interval",
                        "10-90 % of rounds",
                        "verdict"),
                rows);
    }

    private static Block cold(BenchResult.Model model) {
        List<List<String>> rows = new ArrayList<>();
        for (BenchResult.Contender contender : model.contenders()) {
            ColdStart cold = contender.cold();
            if (cold != null) {
                rows.add(List.of(
                        contender.label(),
                        Format.millis(cold.jvmMillis()),
                        Format.millis(cold.openMillis()),
                        Format.millis(cold.firstMillis()),
                        Format.millis(cold.warmMillis()),
                        Format.bytes(cold.memory().peakBytes()),
                        Format.bytes(cold.memory().nativeBytes()),
                        Format.bytes(cold.memory().heapBytes()),
                        Format.bytes(cold.memory().allocatedPerRun())));
            }
        }
        return Block.Table.of(
                "A process of its own: cold start and memory",
                List.of(
                        "configuration",
                        "JVM",
                        "open graph",
                        "first run",
                        "later runs",
                        "peak memory",
                        "outside the heap",
                        "heap",
                        "allocated a run"),
                rows);
    }

    private static Block limitTable(BenchResult.Model model, Limits limits) {
        List<List<String>> rows = new ArrayList<>();
        for (Times t : first(model).times()) {
            Cost cost = model.cost(t.batch());
            if (cost != null) {
                Cost.Row total = cost.total();
                double floor = floor(cost, limits);
                boolean compute = total.flops() / limits.gflops() >= total.weightBytes() / limits.gigabytesPerSecond();
                rows.add(List.of(
                        t.batch() + ", " + Format.placement(t.placement()),
                        Format.flops(total.flops()),
                        Format.bytes(total.weightBytes()),
                        Format.millis(floor),
                        compute ? "products" : "memory",
                        Format.millis(t.percentiles().p50()),
                        Format.percent(floor / t.percentiles().p50())));
            }
        }
        return Block.Table.of(
                "Against the limit, " + first(model).label(),
                List.of("batch", "work", "weights", "floor", "bound by", "median", "reached"),
                rows);
    }

    private static Block kindTable(BenchResult.Model model, Limits limits) {
        BenchResult.Contender first = first(model);
        Cost cost = model.costs().get(0);
        double all = cost.total().flops();
        boolean measured = !first.paths().isEmpty();
        List<List<String>> rows = new ArrayList<>();
        for (Cost.Kind kind : ordered(model, limits)) {
            Cost.Row row = kind.row();
            double floor = limits.floorMillis(row.flops(), row.weightBytes());
            List<String> cells = new ArrayList<>(List.of(
                    name(row.path()),
                    kind.count() + "",
                    Format.flops(row.flops()),
                    Format.percent(row.flops() / all),
                    Format.bytes(row.weightBytes()),
                    Format.bytes(row.movedBytes()),
                    Format.millis(floor)));
            if (measured) {
                double millis = measured(first, row.path());
                cells.add(Format.millis(millis));
                cells.add(millis > 0 ? Format.percent(floor / millis) : "-");
            }
            rows.add(cells);
        }
        List<String> columns =
                new ArrayList<>(List.of("path", "layers", "work", "share", "weights", "moved, unfused", "floor"));
        if (measured) {
            columns.addAll(List.of("measured", "reached"));
        }
        return Block.Table.of("Cost by kind of layer, batch " + cost.batch(), columns, rows);
    }

    private static Block pathTable(BenchResult.Model model, Limits limits) {
        Cost cost = model.costs().get(0);
        return new Block.Table(
                "Cost of every path, batch " + cost.batch(),
                List.of("path", "work", "weights", "moved, unfused", "floor"),
                cost.paths().stream()
                        .map(row -> List.of(
                                name(row.path()),
                                Format.flops(row.flops()),
                                Format.bytes(row.weightBytes()),
                                Format.bytes(row.movedBytes()),
                                Format.millis(limits.floorMillis(row.flops(), row.weightBytes()))))
                        .toList(),
                true);
    }

    private static Block settings(BenchResult.Model model) {
        List<List<String>> rows = new ArrayList<>();
        for (BenchResult.Contender contender : model.contenders()) {
            rows.add(List.of(
                    contender.label(),
                    String.join(
                            ", ",
                            contender.settings().entrySet().stream()
                                    .map(e -> e.getKey() + " " + e.getValue())
                                    .toList()),
                    contender.difference() == null ? "-" : String.format(Locale.ROOT, "%.1e", contender.difference())));
        }
        return Block.Table.of("Configurations", List.of("configuration", "settings", "result differs by"), rows);
    }

    private Report.Section circumstances() {
        BenchResult.Run run = result.run();
        Machine machine = run.machine();
        List<Block> blocks = new ArrayList<>();
        if (run.otherPrograms() > 0.1) {
            blocks.add(new Block.Callout(
                    Block.Tone.BAD,
                    "The machine was busy",
                    "Programs other than this process took " + Format.percent(run.otherPrograms())
                            + " of its cores during the measurement (peers are among them). Ratios of configurations that ran in"
                            + " turn hold; absolute times are too long."));
        }
        blocks.add(new Block.Text("To repeat it:"));
        blocks.add(new Block.Code(run.command()));
        blocks.add(new Block.Text(String.format(
                Locale.ROOT,
                "Each batch was run for %.0f ms without counting, then in rounds of one run of each configuration, forwards and"
                        + " backwards in turn: %d rounds or more, and %.1f s or more for each configuration. A two-thread ping-pong before"
                        + " and after each round tells whether the cores share a cache (near) or not (far); rounds during which that"
                        + " changed are left out, and the two are never mixed.",
                run.protocol().warmUpMillis(),
                run.protocol().iterations(),
                run.protocol().durationSeconds())));
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("processor", machine.processor() + ", " + machine.cores() + " cores"));
        rows.add(List.of("memory", Format.bytes(machine.memoryBytes())));
        rows.add(List.of("system", machine.system()));
        machine.versions().forEach((name, version) -> rows.add(List.of(name, version)));
        rows.add(List.of("other programs", run.otherPrograms() < 0 ? "-" : Format.percent(run.otherPrograms())));
        rows.add(List.of("measured", run.created()));
        blocks.add(Block.Table.of("Machine and versions", List.of("", ""), rows));
        return new Report.Section("How it was measured", blocks);
    }
}

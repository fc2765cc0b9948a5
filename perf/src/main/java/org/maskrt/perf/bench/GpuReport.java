package org.maskrt.perf.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.maskrt.perf.Spread;
import org.maskrt.perf.report.Axis;
import org.maskrt.perf.report.Block;
import org.maskrt.perf.report.Plot;
import org.maskrt.perf.report.Report;
import org.maskrt.perf.report.XyPlot;

/** A benchmark on a GPU as a page. */
public final class GpuReport {
    private static final int COLOURS = 5;
    private static final int GREY = 5;

    private final GpuResult result;

    private GpuReport(GpuResult result) {
        this.result = result;
    }

    /** The page. */
    public static Report of(GpuResult result) {
        GpuReport report = new GpuReport(result);
        List<Report.Section> sections = new ArrayList<>();
        sections.add(report.targets());
        result.models().forEach(model -> sections.add(report.model(model)));
        if (!result.demos().isEmpty()) {
            sections.add(report.demos());
        }
        sections.add(report.circumstances());
        GpuResult.Run run = result.run();
        return new Report(
                "TensorRT engines on " + run.gpu().name(),
                run.dtype() + ", " + run.created().substring(0, 10),
                sections);
    }

    private Report.Section targets() {
        List<GpuTarget> targets = result.targets();
        List<Block> blocks = new ArrayList<>();
        long missed =
                targets.stream().filter(t -> Boolean.FALSE.equals(t.met())).count();
        long met = targets.stream().filter(t -> Boolean.TRUE.equals(t.met())).count();
        blocks.add(
                new Block.Callout(
                        missed > 0 ? Block.Tone.BAD : met > 0 ? Block.Tone.GOOD : Block.Tone.NEUTRAL,
                        met + " reached, " + missed + " missed, " + (targets.size() - met - missed)
                                + " that this run cannot tell",
                        "Times are targets for an H200 and judged on one only. Everything is measured in this run; what is projected says so."));
        blocks.add(Block.Table.of(
                "Targets",
                List.of("what", "target", "measured", "verdict"),
                targets.stream()
                        .map(t -> List.of(t.what(), t.target(), t.measured(), verdict(t.met())))
                        .toList()));
        return new Report.Section("", blocks);
    }

    /** A verdict in a word. */
    public static String verdict(@Nullable Boolean met) {
        return met == null ? "not judged" : met ? "reached" : "missed";
    }

    private Report.Section model(GpuResult.Model model) {
        List<Block> blocks = new ArrayList<>();
        blocks.add(new Block.Tiles(tiles(model)));
        blocks.add(new Block.Figure(
                "A guided step against batch",
                "Median with the tenth to the ninetieth percentile. Dashed: the floor of the GPU's data sheet.",
                latency(model)));
        blocks.add(steps(model));
        blocks.add(fusion(model));
        blocks.add(engines(model));
        blocks.add(memory(model));
        if (!model.peers().isEmpty()) {
            blocks.add(peers(model));
        }
        projections(model, blocks);
        if (result.limits() != null) {
            blocks.add(kernels(model, result.limits()));
        }
        return new Report.Section(model.name(), blocks);
    }

    private List<Block.Tile> tiles(GpuResult.Model model) {
        GpuResult.Steps first = model.steps().get(0);
        List<Block.Tile> tiles = new ArrayList<>();
        tiles.add(new Block.Tile(
                "A guided step, batch " + first.batch(),
                Format.millis(first.median()),
                first.millis().size() + " steps by CUDA events"));
        tiles.add(new Block.Tile(
                "Per image, " + result.run().steps() + " steps", seconds(first.imageSeconds()), "without decoding"));
        Limits limits = result.limits();
        if (limits != null) {
            double floor = first.work().floorMillis(limits);
            tiles.add(new Block.Tile(
                    "Of the GPU's floor",
                    Format.percent(floor / first.median()),
                    "floor " + Format.millis(floor) + ", kernel after kernel "
                            + Format.millis(first.work().serialMillis(limits))));
        }
        tiles.add(new Block.Tile(
                "Attentions fused",
                model.fused() + " of " + model.attentions().size(),
                "by the nodes in TensorRT's list of layers"));
        return tiles;
    }

    private Plot latency(GpuResult.Model model) {
        List<XyPlot.Series> series = new ArrayList<>();
        series.add(new XyPlot.Series(
                "MaskRT",
                XyPlot.Style.LINE,
                0,
                model.steps().stream().map(s -> point(s.batch(), s.spread())).toList()));
        for (GpuResult.Peer peer : model.peers()) {
            if (!peer.times().isEmpty()) {
                series.add(new XyPlot.Series(
                        peer.label(),
                        XyPlot.Style.LINE,
                        series.size() % COLOURS,
                        peer.times().stream()
                                .map(t -> point(t.batch(), GpuResult.spreadOf(t.millis())))
                                .toList()));
            }
        }
        Limits limits = result.limits();
        if (limits != null) {
            series.add(new XyPlot.Series(
                    "floor",
                    XyPlot.Style.DASHED,
                    GREY,
                    model.steps().stream()
                            .map(s -> XyPlot.Point.of(s.batch(), s.work().floorMillis(limits)))
                            .toList()));
        }
        double most = series.stream()
                .flatMap(s -> s.points().stream())
                .mapToDouble(XyPlot.Point::high)
                .max()
                .orElse(1);
        List<Double> batches =
                model.steps().stream().map(s -> (double) s.batch()).toList();
        return new XyPlot(Axis.marked("batch", batches), Axis.linear("ms", 0, most), series);
    }

    private static XyPlot.Point point(int batch, Spread spread) {
        return new XyPlot.Point(batch, spread.middle(), spread.low(), spread.high(), "");
    }

    private Block steps(GpuResult.Model model) {
        List<List<String>> rows = new ArrayList<>();
        Limits limits = result.limits();
        for (GpuResult.Steps s : model.steps()) {
            Double decoded = s.decodedImageSeconds();
            rows.add(List.of(
                    s.batch() + "",
                    Format.millis(s.median()),
                    Format.millis(s.spread().low()) + " - "
                            + Format.millis(s.spread().high()),
                    limits == null ? "-" : Format.millis(s.work().floorMillis(limits)),
                    limits == null ? "-" : Format.millis(s.work().serialMillis(limits)),
                    limits == null ? "-" : Format.percent(s.work().floorMillis(limits) / s.median()),
                    seconds(s.imageSeconds()),
                    decoded == null ? "-" : seconds(decoded),
                    Format.bytes(s.peak().cuda()),
                    Format.bytes(s.peak().nvml())));
        }
        return Block.Table.of(
                "Guided steps, both halves in one run",
                List.of(
                        "batch",
                        "ms per step, 50 %",
                        "10 - 90 %",
                        "floor",
                        "kernel after kernel",
                        "of floor",
                        "s per image",
                        "with decoding",
                        "peak by CUDA",
                        "peak by NVML"),
                rows);
    }

    private static String seconds(double seconds) {
        return String.format(Locale.ROOT, "%.3f s", seconds);
    }

    private static Block fusion(GpuResult.Model model) {
        return Block.Table.of(
                "Attention of each block",
                List.of("block", "kernel"),
                model.attentions().stream()
                        .map(a -> List.of(
                                a.path(),
                                switch (a.fusion()) {
                                    case FUSED -> "fused";
                                    case SEPARATE -> "not fused";
                                    case UNKNOWN -> "TensorRT's list does not say";
                                }))
                        .toList());
    }

    private static Block engines(GpuResult.Model model) {
        List<List<String>> rows = new ArrayList<>();
        for (GpuResult.Engine e : model.engines()) {
            rows.add(List.of(
                    e.graph(),
                    e.built(),
                    String.format(Locale.ROOT, "%.0f s", e.buildSeconds()),
                    Format.bytes(e.planBytes()),
                    Format.bytes(e.activationBytes()),
                    e.attention() == 0 ? "-" : e.fusedAttention() + " of " + e.attention(),
                    e.kernels() + "",
                    String.format(Locale.ROOT, "%.1e (at most %.0e)", e.difference(), e.bound())));
        }
        return Block.Table.of(
                "Engines",
                List.of(
                        "graph",
                        "batches",
                        "build",
                        "plan",
                        "activations",
                        "attention kernels",
                        "layers",
                        "difference from fp32"),
                rows);
    }

    private static Block memory(GpuResult.Model model) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of(
                "when the device was opened: the driver's context, other programs",
                Format.bytes(model.idle().cuda()),
                Format.bytes(model.idle().nvml())));
        for (GpuResult.Steps s : model.steps()) {
            rows.add(List.of(
                    "at the most up to batch " + s.batch(),
                    Format.bytes(s.peak().cuda()),
                    Format.bytes(s.peak().nvml())));
        }
        GpuResult.Budgeted budgeted = model.budgeted();
        if (budgeted != null) {
            rows.add(List.of(
                    "at the most with one picture in " + Format.bytes(budgeted.budget()) + " ("
                            + String.join("; ", budgeted.choices()) + ")",
                    budgeted.peak() == null ? "-" : Format.bytes(budgeted.peak().cuda()),
                    budgeted.peak() == null ? "-" : Format.bytes(budgeted.peak().nvml())));
        }
        return Block.Table.of("Device memory", List.of("", "by CUDA", "by NVML"), rows);
    }

    private static Block peers(GpuResult.Model model) {
        List<List<String>> rows = new ArrayList<>();
        for (GpuResult.Peer peer : model.peers()) {
            if (!peer.failure().isEmpty()) {
                rows.add(List.of(peer.label(), "-", "not measured: " + peer.failure(), "-", "-", "-"));
            }
            for (GpuResult.PeerTimes t : peer.times()) {
                rows.add(List.of(
                        peer.label(),
                        t.batch() + "",
                        Format.millis(GpuResult.spreadOf(t.millis()).middle()),
                        Format.millis(GpuResult.spreadOf(t.ours()).middle()),
                        Format.ratio(t.ratio()),
                        t.difference() == null ? "-" : String.format(Locale.ROOT, "%.1e", t.difference())));
            }
        }
        return Block.Table.of(
                "In turn with other programs, same weights and type",
                List.of("program", "batch", "its step", "our step", "ours / its", "its difference from fp32"),
                rows);
    }

    private void projections(GpuResult.Model model, List<Block> blocks) {
        List<GpuResult.Projection> projections = result.projections().stream()
                .filter(p -> p.model().equals(model.name()))
                .toList();
        Limits there = result.projected();
        if (projections.isEmpty() || there == null) {
            return;
        }
        blocks.add(
                new Block.Callout(
                        Block.Tone.NEUTRAL,
                        "Projected, not measured: " + there.source(),
                        "A step there takes its kernels' time at that GPU's limits, divided by the efficiency that they have here: their time at this"
                                + " GPU's limits over the time measured. No A100 was involved; kernels chosen for it may do better or worse."));
        blocks.add(Block.Table.of(
                "Projected to " + there.source(),
                List.of("batch", "efficiency here", "ms per step, projected", "s per image, projected"),
                projections.stream()
                        .map(p -> List.of(
                                p.batch() + "",
                                Format.percent(p.efficiency()),
                                Format.millis(p.millis()),
                                seconds(p.imageSeconds())))
                        .toList()));
    }

    private static Block kernels(GpuResult.Model model, Limits limits) {
        StepWork work = model.steps().get(0).work();
        return new Block.Table(
                "Where the work is, batch " + work.batch(),
                List.of("kernels", "number", "operations", "weights", "moved", "at the limits"),
                work.kernels().stream()
                        .map(k -> List.of(
                                k.kind(),
                                k.count() + "",
                                Format.flops(k.flops()),
                                Format.bytes(k.weightBytes()),
                                Format.bytes(k.movedBytes()),
                                Format.millis(k.millis(limits))))
                        .toList(),
                true);
    }

    private Report.Section demos() {
        return new Report.Section(
                "Pictures",
                List.of(Block.Table.of(
                        "Shipped models beside ONNX Runtime in fp32, from the same noise",
                        List.of("model", "pictures", "steps", "least PSNR", "median PSNR", "judged by", "GPU", "fp32"),
                        result.demos().stream()
                                .map(d -> List.of(
                                        d.name(),
                                        d.psnr().size() + "",
                                        d.steps() + "",
                                        String.format(Locale.ROOT, "%.1f dB", d.leastPsnr()),
                                        String.format(
                                                Locale.ROOT,
                                                "%.1f dB",
                                                GpuResult.spreadOf(d.psnr()).middle()),
                                        d.judged(),
                                        Format.percent(d.right()),
                                        Format.percent(d.rightInFp32())))
                                .toList())));
    }

    private Report.Section circumstances() {
        GpuResult.Run run = result.run();
        List<Block> blocks = new ArrayList<>();
        blocks.add(new Block.Code(run.command()));
        run.notes().forEach(note -> blocks.add(new Block.Text(note)));
        Limits limits = result.limits();
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("GPU", run.gpu().toString()));
        rows.add(List.of(
                "limits",
                limits == null
                        ? "not known, so no floors"
                        : String.format(
                                Locale.ROOT,
                                "%s: %.0f TFLOP/s, %.0f GB/s",
                                limits.source(),
                                limits.gflops() / 1e3,
                                limits.gigabytesPerSecond())));
        rows.add(List.of(
                "processor", run.machine().processor() + ", " + run.machine().cores() + " cores"));
        rows.add(List.of("system", run.machine().system()));
        rows.add(List.of(
                "versions",
                run.machine().versions().entrySet().stream()
                        .map(e -> e.getKey() + " " + e.getValue())
                        .collect(Collectors.joining(", "))));
        blocks.add(Block.Table.of("Circumstances", List.of("", ""), rows));
        return new Report.Section("How it was measured", blocks);
    }
}

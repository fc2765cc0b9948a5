package org.maskrt.perf;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.maskrt.perf.SamplingCurves.Measured;
import org.maskrt.perf.report.Axis;
import org.maskrt.perf.report.Block;
import org.maskrt.perf.report.Report;
import org.maskrt.perf.report.XyPlot;

/** {@link SamplingCurves} as a page. */
public final class SamplingReport {
    private static final double MOST_PSNR = 60;

    private final List<Measured> measured;

    private SamplingReport(List<Measured> measured) {
        this.measured = measured;
    }

    /** The columns of {@link #row}. */
    public static List<String> columns() {
        return List.of("", "passes", "ms", "time", "10-90 %", "PSNR dB", "class", "Fréchet");
    }

    /** What was measured of one way, as text. */
    public static List<String> row(Measured m) {
        return List.of(
                name(m),
                number("%.1f", m.passes()),
                number("%.1f", m.millis()),
                number("%.2f", m.ratio().middle()),
                number("%.2f", m.ratio().low()) + "-" + number("%.2f", m.ratio().high()),
                Double.isInfinite(m.psnr()) ? "same" : number("%.1f", m.psnr()),
                number("%.1f %%", 100 * m.accuracy()),
                number("%.2f", m.distance()));
    }

    private static String name(Measured m) {
        return m.way().series() + " " + Axis.label(m.way().value());
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }

    /**
     * The page.
     *
     * @param title of it
     * @param pictures of each way
     * @param command that makes it again
     */
    public static Report of(List<Measured> measured, String title, int pictures, String command) {
        SamplingReport report = new SamplingReport(measured);
        Measured first = measured.get(0);
        List<Block> blocks = new ArrayList<>();
        blocks.add(new Block.Text("Each way made the same " + pictures + " pictures as " + name(first)
                + ": the same classes and the same noise, in turn. A classifier trained on drawn pictures says whether a picture"
                + " shows the class that was asked for; the Fréchet distance is that of its features from those of drawn"
                + " pictures. PSNR is against the pictures of " + name(first) + "."));
        blocks.add(report.figure(
                "Time against drift",
                "Left is faster, up is closer to the pictures of the first way; at " + (int) MOST_PSNR
                        + " dB and more they are the same to the eye.",
                Axis.linear("time, first way = 1", 0, 1),
                "PSNR, dB",
                m -> Math.min(MOST_PSNR, m.psnr())));
        blocks.add(report.figure(
                "Time against class accuracy",
                "The share of pictures of the class that was asked for.",
                Axis.linear("time, first way = 1", 0, 1),
                "%",
                m -> 100 * m.accuracy()));
        blocks.add(report.figure(
                "Time against distance",
                "Fréchet distance in the classifier's features: lower is closer to drawn pictures.",
                Axis.linear("time, first way = 1", 0, 1),
                "distance",
                Measured::distance));
        blocks.add(Block.Table.of(
                "All points",
                columns(),
                measured.stream().map(SamplingReport::row).toList()));
        blocks.add(new Block.Code(command));
        return new Report(title, "What faster ways to sample cost", List.of(new Report.Section("", blocks)));
    }

    private Block.Figure figure(
            String title, String caption, Axis time, String unit, ToDoubleFunction<Measured> height) {
        List<XyPlot.Series> series = new ArrayList<>();
        List<String> names =
                measured.stream().map(m -> m.way().series()).distinct().toList();
        for (String name : names) {
            List<XyPlot.Point> points = measured.stream()
                    .filter(m -> m.way().series().equals(name))
                    .sorted(Comparator.comparingDouble(m -> m.ratio().middle()))
                    .map(m -> point(m, height.applyAsDouble(m)))
                    .toList();
            series.add(new XyPlot.Series(name, XyPlot.Style.LINE, series.size(), points));
        }
        double low = measured.stream().mapToDouble(height).min().orElse(0);
        double high = measured.stream().mapToDouble(height).max().orElse(1);
        double most =
                measured.stream().mapToDouble(m -> m.ratio().middle()).max().orElse(1);
        Axis x = most > time.to() ? Axis.linear(time.title(), 0, most) : time;
        return new Block.Figure(title, caption, new XyPlot(x, Axis.linear(unit, low, high), series));
    }

    private static XyPlot.Point point(Measured m, double y) {
        return new XyPlot.Point(m.ratio().middle(), y, y, y, Axis.label(m.way().value()));
    }
}

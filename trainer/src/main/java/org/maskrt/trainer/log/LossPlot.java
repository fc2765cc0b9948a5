package org.maskrt.trainer.log;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Line2D;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * A picture of columns of a metrics table over the steps: each column as it is in a light tone, and smoothed over it. Drawn
 * with lines and a font of its own only, so it works where no font is installed.
 */
public final class LossPlot {
    private static final int WIDTH = 960;
    private static final int HEIGHT = 540;
    private static final int LEFT = 84;
    private static final int RIGHT = 24;
    private static final int TOP = 48;
    private static final int BOTTOM = 56;
    private static final double SMOOTHING = 0.02;
    private static final double LOG_FROM_RATIO = 30;
    private static final List<Color> COLOURS = List.of(
            new Color(0x1f6fb4), new Color(0xd1495b), new Color(0x2a9d5c), new Color(0xb07d12), new Color(0x7b4fa6));

    private final double[] steps;
    private final List<String> columns;
    private final List<double[]> raw;
    private final List<double[]> smooth;
    private final boolean logarithmic;
    private final double low;
    private final double high;

    private LossPlot(MetricsCsv.Table table, List<String> columns) {
        this.columns = columns;
        this.steps = table.column("step");
        this.raw = columns.stream().map(table::column).toList();
        this.smooth = raw.stream().map(LossPlot::smoothed).toList();
        double[] shown = smooth.stream()
                .flatMapToDouble(Arrays::stream)
                .filter(Double::isFinite)
                .toArray();
        double min = Arrays.stream(shown).min().orElse(0);
        double max = Arrays.stream(shown).max().orElse(1);
        this.logarithmic = min > 0 && max / min > LOG_FROM_RATIO;
        double from = logarithmic ? Math.log10(min) : min;
        double to = logarithmic ? Math.log10(max) : max;
        double margin = to > from ? 0.05 * (to - from) : Math.max(1e-9, Math.abs(to) * 0.05);
        this.low = from - margin;
        this.high = to + margin;
    }

    /**
     * Draws a plot.
     *
     * @param title the line above it
     * @param table the table
     * @param columns the columns to draw, at most five
     */
    public static BufferedImage draw(String title, MetricsCsv.Table table, List<String> columns) {
        if (columns.isEmpty() || columns.size() > COLOURS.size()) {
            throw new IllegalArgumentException(
                    "loss plot: expected 1 to " + COLOURS.size() + " columns, got " + columns.size() + ": " + columns);
        }
        LossPlot plot = new LossPlot(table, columns);
        BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        g.setColor(Color.WHITE);
        g.fillRect(0, 0, WIDTH, HEIGHT);
        text(g, title, LEFT, 14, 0, Color.BLACK);
        plot.axes(g);
        plot.lines(g);
        plot.legend(g);
        g.dispose();
        return image;
    }

    private void axes(Graphics2D g) {
        Color grid = new Color(0xe4e4e4);
        Color ink = new Color(0x404040);
        for (double tick : logarithmic ? decades(low, high) : ticks(low, high)) {
            double y = y(tick);
            g.setColor(grid);
            g.draw(new Line2D.Double(LEFT, y, WIDTH - RIGHT, y));
            text(g, label(logarithmic ? Math.pow(10, tick) : tick), LEFT - 8, (int) y - 7, 1, ink);
        }
        for (double tick : ticks(firstStep(), lastStep())) {
            double x = x(tick);
            g.setColor(grid);
            g.draw(new Line2D.Double(x, TOP, x, HEIGHT - BOTTOM));
            text(g, label(tick), (int) x, HEIGHT - BOTTOM + 8, 0.5, ink);
        }
        g.setColor(ink);
        g.drawRect(LEFT, TOP, WIDTH - RIGHT - LEFT, HEIGHT - BOTTOM - TOP);
        text(g, "step", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 24, 0.5, ink);
    }

    private void lines(Graphics2D g) {
        g.setClip(LEFT, TOP, WIDTH - RIGHT - LEFT, HEIGHT - BOTTOM - TOP);
        for (int i = 0; i < columns.size(); i++) {
            Color colour = COLOURS.get(i);
            g.setStroke(new BasicStroke(1));
            g.setColor(new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), 60));
            g.draw(path(raw.get(i)));
            g.setStroke(new BasicStroke(2.2f, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
            g.setColor(colour);
            g.draw(path(smooth.get(i)));
        }
        g.setClip(null);
    }

    private void legend(Graphics2D g) {
        int y = TOP + 12;
        for (int i = 0; i < columns.size(); i++) {
            double[] values = smooth.get(i);
            String last = values.length == 0 ? "" : "  " + label(values[values.length - 1]);
            text(g, columns.get(i) + last, WIDTH - RIGHT - 12, y, 1, COLOURS.get(i));
            y += 20;
        }
    }

    /** The line through the finite values; it is broken where one is not. */
    private Path2D path(double[] values) {
        Path2D.Double path = new Path2D.Double();
        boolean pen = false;
        for (int i = 0; i < values.length; i++) {
            double v = logarithmic ? Math.log10(Math.max(values[i], Double.MIN_NORMAL)) : values[i];
            if (!Double.isFinite(v)) {
                pen = false;
            } else if (pen) {
                path.lineTo(x(steps[i]), y(v));
            } else {
                path.moveTo(x(steps[i]), y(v));
                pen = true;
            }
        }
        return path;
    }

    private double x(double step) {
        double span = lastStep() - firstStep();
        return LEFT + (span == 0 ? 0.5 : (step - firstStep()) / span) * (WIDTH - RIGHT - LEFT);
    }

    private double y(double value) {
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP);
    }

    private double firstStep() {
        return steps.length == 0 ? 0 : steps[0];
    }

    private double lastStep() {
        return steps.length == 0 ? 1 : steps[steps.length - 1];
    }

    /** A running mean whose memory is a fiftieth of the rows, started without bias; values that are not finite are skipped. */
    private static double[] smoothed(double[] values) {
        double rate = Math.max(1.0 / Math.max(1, values.length * SMOOTHING), 1e-3);
        double[] out = new double[values.length];
        double sum = 0;
        double weight = 0;
        for (int i = 0; i < values.length; i++) {
            if (Double.isFinite(values[i])) {
                sum += rate * (values[i] - sum);
                weight += rate * (1 - weight);
            }
            out[i] = weight == 0 ? Double.NaN : sum / weight;
        }
        return out;
    }

    /** Multiples of 1, 2 or 5 times a power of ten, about six of them in the range. */
    static List<Double> ticks(double from, double to) {
        double rough = Math.max(to - from, 1e-12) / 6;
        double power = Math.pow(10, Math.floor(Math.log10(rough)));
        double unit = rough / power;
        double gap = power * (unit > 5 ? 10 : unit > 2 ? 5 : unit > 1 ? 2 : 1);
        List<Double> ticks = new ArrayList<>();
        for (double k = Math.ceil(from / gap - 1e-9); k * gap <= to + 1e-9 * gap; k++) {
            ticks.add(k * gap);
        }
        return ticks;
    }

    /** The exponents of 1, 2 and 5 times each power of ten in the range. */
    private static List<Double> decades(double from, double to) {
        List<Double> ticks = new ArrayList<>();
        for (int k = (int) Math.floor(from); k <= to; k++) {
            for (double digit : new double[] {1, 2, 5}) {
                double exponent = k + Math.log10(digit);
                if (exponent >= from && exponent <= to) {
                    ticks.add(exponent);
                }
            }
        }
        return ticks;
    }

    static String label(double value) {
        String text = value != 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e7)
                ? String.format(Locale.ROOT, "%.2e", value)
                : String.format(Locale.ROOT, "%.4f", value);
        return text.contains("e") ? text : text.replaceAll("0+$", "").replaceAll("\\.$", "");
    }

    private static void text(Graphics2D g, String text, int x, int y, double anchor, Color colour) {
    }
}

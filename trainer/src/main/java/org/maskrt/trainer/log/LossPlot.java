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
import org.maskrt.models.image.Glyphs;
import org.maskrt.models.image.RgbImage;

/**
 * A picture of columns of a metrics table over the steps: each column as it is in a light tone, and smoothed over it. Drawn
 * with lines and {@link Glyphs} only, so it works where no font is installed.
 */
public final class LossPlot {
    private static final int WIDTH = 960;
    private static final int HEIGHT = 540;
    private static final int LEFT = 116;
    private static final int RIGHT = 24;
    private static final int TOP = 48;
    private static final int BOTTOM = 56;
    private static final int TEXT_SCALE = 2;
    private static final double SMOOTHING = 0.01;
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
    public static RgbImage draw(String title, MetricsCsv.Table table, List<String> columns) {
        if (columns.isEmpty() || columns.size() > COLOURS.size()) {
            throw new IllegalArgumentException(
                    "loss plot: expected 1 to " + COLOURS.size() + " columns, got " + columns.size() + ": " + columns);
        }
        LossPlot plot = new LossPlot(table, columns);
        BufferedImage drawing = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = drawing.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        g.setColor(Color.WHITE);
        g.fillRect(0, 0, WIDTH, HEIGHT);
        plot.grid(g);
        plot.lines(g);
        g.dispose();
        RgbImage image = new RgbImage(WIDTH, HEIGHT);
        int[] row = new int[3 * WIDTH];
        for (int y = 0; y < HEIGHT; y++) {
            drawing.getRaster().getPixels(0, y, WIDTH, 1, row);
            for (int i = 0; i < row.length; i++) {
                image.pixels()[y * row.length + i] = (byte) row[i];
            }
        }
        plot.texts(image, title);
        return image;
    }

    private void grid(Graphics2D g) {
        g.setColor(new Color(0xe4e4e4));
        for (double tick : valueTicks()) {
            g.draw(new Line2D.Double(LEFT, y(tick), WIDTH - RIGHT, y(tick)));
        }
        for (double tick : ticks(firstStep(), lastStep())) {
            g.draw(new Line2D.Double(x(tick), TOP, x(tick), HEIGHT - BOTTOM));
        }
        for (int i = 0; i < columns.size(); i++) {
            g.setColor(COLOURS.get(i));
            g.fillRect(WIDTH - RIGHT - 24, legendRow(i), 14, 14);
        }
        g.setColor(Color.GRAY);
        g.drawRect(LEFT, TOP, WIDTH - RIGHT - LEFT, HEIGHT - BOTTOM - TOP);
    }

    private void texts(RgbImage image, String title) {
        Glyphs glyphs = new Glyphs();
        text(glyphs, image, title, LEFT, 14, 0);
        for (double tick : valueTicks()) {
            String label = label(logarithmic ? Math.pow(10, tick) : tick);
            text(glyphs, image, label, LEFT - 10, (int) y(tick) - 7, 1);
        }
        for (double tick : ticks(firstStep(), lastStep())) {
            text(glyphs, image, label(tick), (int) x(tick), HEIGHT - BOTTOM + 10, 0.5);
        }
        text(glyphs, image, "step", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 24, 0.5);
        for (int i = 0; i < columns.size(); i++) {
            double[] values = smooth.get(i);
            String last = values.length == 0 ? "" : "  " + label(values[values.length - 1]);
            text(glyphs, image, columns.get(i) + last, WIDTH - RIGHT - 32, legendRow(i), 1);
        }
    }

    /** Writes a text of which the share {@code anchor} of the width lies left of {@code x}; cut where the picture ends. */
    private static void text(Glyphs glyphs, RgbImage image, String text, int x, int y, double anchor) {
        int most = 2 * WIDTH / (Glyphs.width("mmm", TEXT_SCALE) - Glyphs.width("m", TEXT_SCALE));
        String shown = text.length() > most ? text.substring(0, most) : text;
        int width = Glyphs.width(shown, TEXT_SCALE);
        int left = Math.max(0, Math.min(WIDTH - width, x - (int) (anchor * width)));
        glyphs.draw(image, shown, left, y, TEXT_SCALE);
    }

    private static int legendRow(int column) {
        return TOP + 12 + 22 * column;
    }

    private List<Double> valueTicks() {
        return logarithmic ? decades(low, high) : ticks(low, high);
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

    /** A running mean whose memory is a hundredth of the rows, started without bias; values that are not finite are skipped. */
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
            ticks.add(k * gap + 0.0);
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
}

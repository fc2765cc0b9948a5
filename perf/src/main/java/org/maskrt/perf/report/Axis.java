package org.maskrt.perf.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * An axis.
 *
 * @param title what it shows, with the unit
 * @param logarithmic whether equal distances are equal ratios
 * @param from its lower end
 * @param to its upper end
 * @param ticks values that are marked
 */
public record Axis(String title, boolean logarithmic, double from, double to, List<Double> ticks) {
    private static final double[] STEPS = {1, 2, 2.5, 5, 10};

    public Axis {
        ticks = List.copyOf(ticks);
    }

    /** From {@code low} to {@code high}, a little widened to round numbers. */
    public static Axis linear(String title, double low, double high) {
        double span = high > low ? high - low : Math.max(Math.abs(high), 1) * 0.1;
        double step = step(span / 4);
        double from = Math.floor(low / step + 1e-9) * step;
        double to = Math.ceil(high / step - 1e-9) * step;
        if (to <= from) {
            to = from + step;
        }
        List<Double> ticks = new ArrayList<>();
        for (double t = from; t <= to + step * 1e-6; t += step) {
            ticks.add(Math.abs(t) < step * 1e-6 ? 0 : t);
        }
        return new Axis(title, false, from, to, ticks);
    }

    private static double step(double least) {
        double power = Math.pow(10, Math.floor(Math.log10(least)));
        for (double s : STEPS) {
            if (s * power >= least * (1 - 1e-9)) {
                return s * power;
            }
        }
        return 10 * power;
    }

    /** Whole powers of ten around positive {@code low} and {@code high}. */
    public static Axis powers(String title, double low, double high) {
        int from = (int) Math.floor(Math.log10(low) + 1e-9);
        int to = Math.max(from + 1, (int) Math.ceil(Math.log10(high) - 1e-9));
        List<Double> ticks = new ArrayList<>();
        for (int p = from; p <= to; p++) {
            ticks.add(Math.pow(10, p));
        }
        return new Axis(title, true, Math.pow(10, from), Math.pow(10, to), ticks);
    }

    /** Equal ratios with these values marked, in ascending order, and room on both sides. */
    public static Axis marked(String title, List<Double> values) {
        double room = values.size() == 1 ? 2 : Math.sqrt(2);
        return new Axis(title, true, values.get(0) / room, values.get(values.size() - 1) * room, values);
    }

    /** The place of a value between 0 and 1. */
    double at(double value) {
        return logarithmic ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);
    }

    /** A number in at most five characters or so: 0.25, 12.5, 340, 1.2k, 3M. */
    public static String label(double value) {
        double size = Math.abs(value);
        if (size >= 1e9) {
            return digits(value / 1e9) + "G";
        }
        if (size >= 1e6) {
            return digits(value / 1e6) + "M";
        }
        return size >= 1e4 ? digits(value / 1e3) + "k" : digits(value);
    }

    private static String digits(double value) {
        double size = Math.abs(value);
        int decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
        String text = String.format(Locale.ROOT, "%." + decimals + "f", value);
        return text.contains(".") ? text.replaceAll("\\.?0+$", "") : text;
    }
}

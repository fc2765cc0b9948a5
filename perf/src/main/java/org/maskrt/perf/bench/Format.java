package org.maskrt.perf.bench;

import java.util.Locale;
import org.maskrt.perf.CorePlacement;
import org.maskrt.perf.Spread;

/** Figures as people read them. */
public final class Format {
    private Format() {}

    /** Milliseconds with three digits or more; from ten seconds on as seconds. */
    public static String millis(double millis) {
        if (millis >= 10_000) {
            return String.format(Locale.ROOT, "%.1f s", millis / 1e3);
        }
        return String.format(
                Locale.ROOT,
                millis >= 1000 ? "%.0f ms" : millis >= 10 ? "%.1f ms" : millis >= 1 ? "%.2f ms" : "%.3f ms",
                millis);
    }

    /** A share as percent. */
    public static String percent(double share) {
        return String.format(Locale.ROOT, share < 0.1 ? "%.1f %%" : "%.0f %%", 100 * share);
    }

    /** A ratio. */
    public static String ratio(double ratio) {
        return String.format(Locale.ROOT, "%.2fx", ratio);
    }

    /** The ends of an interval of ratios. */
    public static String ends(Spread spread) {
        return String.format(Locale.ROOT, "%.2f-%.2f", spread.low(), spread.high());
    }

    /** Bytes in decimal units; a dash for what is not known. */
    public static String bytes(double bytes) {
        if (bytes < 0) {
            return "-";
        }
        return bytes >= 1e9
                ? String.format(Locale.ROOT, "%.2f GB", bytes / 1e9)
                : bytes >= 1e6
                        ? String.format(Locale.ROOT, "%.0f MB", bytes / 1e6)
                        : String.format(Locale.ROOT, "%.1f kB", bytes / 1e3);
    }

    /** {@link #bytes(double)} of a whole number. */
    public static String bytes(long bytes) {
        return bytes((double) bytes);
    }

    /** Operations in decimal units. */
    public static String flops(double flops) {
        return flops >= 1e12
                ? String.format(Locale.ROOT, "%.2f TFLOP", flops / 1e12)
                : flops >= 1e9
                        ? String.format(Locale.ROOT, "%.2f GFLOP", flops / 1e9)
                        : String.format(Locale.ROOT, "%.2f MFLOP", flops / 1e6);
    }

    /** A placement of the cores. */
    public static String placement(CorePlacement.Tag placement) {
        return placement.name().toLowerCase(Locale.ROOT);
    }
}

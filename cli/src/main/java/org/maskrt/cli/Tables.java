package org.maskrt.cli;

import java.util.List;
import java.util.Locale;

/** Text tables: columns as wide as their widest cell, the first to the left and the others to the right. */
final class Tables {
    private Tables() {}

    static String of(List<String> header, List<List<String>> rows) {
        int[] widths = new int[header.size()];
        for (int c = 0; c < widths.length; c++) {
            widths[c] = header.get(c).length();
            for (List<String> row : rows) {
                widths[c] = Math.max(widths[c], row.get(c).length());
            }
        }
        StringBuilder out = new StringBuilder();
        line(out, header, widths);
        for (List<String> row : rows) {
            line(out, row, widths);
        }
        return out.toString();
    }

    private static void line(StringBuilder out, List<String> cells, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int c = 0; c < widths.length; c++) {
            String pad = " ".repeat(widths[c] - cells.get(c).length());
            line.append(c == 0 ? cells.get(c) + pad : "  " + pad + cells.get(c));
        }
        out.append(line.toString().stripTrailing()).append('\n');
    }

    /** 675856416 to "675.86 M". */
    static String count(long number) {
        double n = number;
        if (n >= 1e9) {
            return String.format(Locale.ROOT, "%.2f G", n / 1e9);
        }
        return n >= 1e5
                ? String.format(Locale.ROOT, "%.2f M", n / 1e6)
                : n >= 1e3 ? String.format(Locale.ROOT, "%.2f k", n / 1e3) : String.format(Locale.ROOT, "%.0f", n);
    }

    /** Bytes to binary units. */
    static String bytes(long bytes) {
        double n = bytes;
        return n >= 1L << 30
                ? String.format(Locale.ROOT, "%.2f GiB", n / (1L << 30))
                : n >= 1L << 20
                        ? String.format(Locale.ROOT, "%.1f MiB", n / (1L << 20))
                        : String.format(Locale.ROOT, "%.1f KiB", n / 1024);
    }
}

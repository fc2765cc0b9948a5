package org.maskrt.perf.report;

import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;

/**
 * Bars from the left, one or several for each row.
 *
 * @param names of the bars of a row, in their order
 * @param rows from the top
 * @param format of a value
 */
public record Bars(List<String> names, List<Row> rows, DoubleFunction<String> format) implements Plot {
    private static final int BAR = 8;
    private static final int GAP = 22;
    private static final int EDGE = 4;

    public Bars {
        names = List.copyOf(names);
        rows = List.copyOf(rows);
    }

    /** A label and a value for each name. */
    public record Row(String label, List<Double> values) {
        public Row {
            values = List.copyOf(values);
        }
    }

    @Override
    public List<Key> legend() {
        List<Key> keys = new ArrayList<>();
        for (int i = 0; i < names.size() && names.size() > 1; i++) {
            keys.add(new Key(names.get(i), i));
        }
        return keys;
    }

    @Override
    public int height() {
        return rows.size() * rowHeight() + 2;
    }

    private int rowHeight() {
        return GAP + names.size() * (BAR + 1);
    }

    @Override
    public String svg(String title) {
        Canvas canvas = new Canvas();
        double most = rows.stream()
                .flatMap(row -> row.values.stream())
                .mapToDouble(Double::doubleValue)
                .max()
                .orElse(1);
        double scale = (Canvas.WIDTH - 2 * EDGE) / (most > 0 ? most : 1);
        double y = 0;
        for (Row row : rows) {
            String values = String.join(
                    " / ", row.values.stream().map(v -> format.apply(v)).toList());
            double room = Canvas.WIDTH - 2 * EDGE - Canvas.width(values) - 12;
            canvas.text("tick", "start", new Canvas.Dot(EDGE, y + 13), Canvas.fit(row.label, room));
            canvas.text("tick", "end", new Canvas.Dot(Canvas.WIDTH - EDGE, y + 13), values);
            for (int i = 0; i < row.values.size(); i++) {
                canvas.rectangle(
                        "bar f" + i,
                        new Canvas.Dot(EDGE, y + 18 + i * (BAR + 1)),
                        row.values.get(i) * scale,
                        BAR,
                        row.label + ": " + format.apply(row.values.get(i)));
            }
            y += rowHeight();
        }
        return canvas.svg(title, height());
    }
}

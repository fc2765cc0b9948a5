package org.maskrt.perf.report;

import java.util.List;
import java.util.function.DoubleFunction;

/**
 * Amounts one after the other, each beginning where the one before ended, in groups that share a scale.
 *
 * @param groups such as a first and a later generation
 * @param format of an amount
 */
public record Waterfall(List<Group> groups, DoubleFunction<String> format) implements Plot {
    private static final int ROW = 34;
    private static final int HEAD = 26;
    private static final int BAR = 12;
    private static final int EDGE = 4;
    private static final int GAP = 6;

    public Waterfall {
        groups = List.copyOf(groups);
    }

    /** Amounts that follow each other. */
    public record Group(String name, List<Part> parts) {
        public Group {
            parts = List.copyOf(parts);
        }

        double total() {
            return parts.stream().mapToDouble(Part::amount).sum();
        }
    }

    /**
     * One amount.
     *
     * @param colour 0 to 5
     */
    public record Part(String name, double amount, int colour) {}

    @Override
    public List<Key> legend() {
        return List.of();
    }

    @Override
    public int height() {
        return groups.stream()
                .mapToInt(group -> HEAD + group.parts.size() * ROW + GAP)
                .sum();
    }

    @Override
    public String svg(String title) {
        Canvas canvas = new Canvas();
        double scale = (Canvas.WIDTH - 2 * EDGE)
                / groups.stream().mapToDouble(Group::total).max().orElse(1);
        double y = 0;
        for (Group group : groups) {
            canvas.text("strong", "start", new Canvas.Dot(EDGE, y + 15), group.name);
            canvas.text("strong", "end", new Canvas.Dot(Canvas.WIDTH - EDGE, y + 15), format.apply(group.total()));
            canvas.line("grid", new Canvas.Dot(EDGE, y + 21), new Canvas.Dot(Canvas.WIDTH - EDGE, y + 21));
            y += HEAD;
            double x = EDGE;
            for (Part part : group.parts) {
                String amount = format.apply(part.amount);
                canvas.text("tick", "start", new Canvas.Dot(EDGE, y + 11), part.name);
                canvas.text("tick", "end", new Canvas.Dot(Canvas.WIDTH - EDGE, y + 11), amount);
                double width = part.amount * scale;
                canvas.rectangle(
                        "bar f" + part.colour, new Canvas.Dot(x, y + 16), width, BAR, part.name + ": " + amount);
                x += width;
                y += ROW;
            }
            y += GAP;
        }
        return canvas.svg(title, height());
    }
}

package org.maskrt.perf.report;

import java.util.ArrayList;
import java.util.List;

/**
 * Points in a plane.
 *
 * @param x to the right
 * @param y upwards
 * @param series drawn one over the other
 */
public record XyPlot(Axis x, Axis y, List<Series> series) implements Plot {
    private static final int HEIGHT = 270;
    private static final int LEFT = 46;
    private static final int RIGHT = 14;
    private static final int TOP = 24;
    private static final int BOTTOM = 42;
    private static final double LABEL = 11;

    public XyPlot {
        series = List.copyOf(series);
    }

    /** How a series is drawn. */
    public enum Style {
        /** Dots with whiskers, joined by a line. */
        LINE,
        /** Dots only. */
        DOTS,
        /** A line without dots. */
        BARE,
        /** A dashed line without dots. */
        DASHED
    }

    /**
     * Points that belong together.
     *
     * @param name in the legend; empty to leave it out there
     * @param colour 0 to 5
     * @param points from left to right
     */
    public record Series(String name, Style style, int colour, List<Point> points) {
        public Series {
            points = List.copyOf(points);
        }
    }

    /**
     * A point.
     *
     * @param low lower end of the whisker
     * @param high upper end of the whisker
     * @param label beside it; may be empty
     */
    public record Point(double x, double y, double low, double high, String label) {
        /** Without whisker and label. */
        public static Point of(double x, double y) {
            return new Point(x, y, y, y, "");
        }
    }

    @Override
    public List<Key> legend() {
        return series.stream()
                .filter(s -> !s.name.isEmpty())
                .map(s -> new Key(s.name, s.colour))
                .toList();
    }

    @Override
    public int height() {
        return HEIGHT;
    }

    @Override
    public String svg(String title) {
        Canvas canvas = new Canvas();
        double bottom = HEIGHT - BOTTOM;
        for (double tick : y.ticks()) {
            double at = y(tick);
            canvas.line("grid", new Canvas.Dot(LEFT, at), new Canvas.Dot(Canvas.WIDTH - RIGHT, at));
            canvas.text("tick", "end", new Canvas.Dot(LEFT - 6, at + 4), Axis.label(tick));
        }
        for (double tick : x.ticks()) {
            canvas.line("mark", new Canvas.Dot(x(tick), bottom), new Canvas.Dot(x(tick), bottom + 4));
            canvas.text("tick", "middle", new Canvas.Dot(x(tick), bottom + 16), Axis.label(tick));
        }
        canvas.line("axis", new Canvas.Dot(LEFT, bottom), new Canvas.Dot(Canvas.WIDTH - RIGHT, bottom));
        canvas.text("name", "start", new Canvas.Dot(4, 12), y.title());
        canvas.text("name", "end", new Canvas.Dot(Canvas.WIDTH - RIGHT, HEIGHT - 6), x.title());
        series.forEach(s -> draw(canvas, s));
        return canvas.svg(title, HEIGHT);
    }

    private void draw(Canvas canvas, Series s) {
        List<Canvas.Dot> dots = new ArrayList<>();
        for (Point p : s.points) {
            dots.add(new Canvas.Dot(x(p.x), y(p.y)));
        }
        if (s.style != Style.DOTS && dots.size() > 1) {
            canvas.polyline((s.style == Style.DASHED ? "dashed l" : "curve l") + s.colour, dots);
        }
        if (s.style == Style.LINE) {
            for (int i = 0; i < dots.size(); i++) {
                Point p = s.points.get(i);
                canvas.line(
                        "whisker l" + s.colour,
                        new Canvas.Dot(dots.get(i).x(), y(p.low)),
                        new Canvas.Dot(dots.get(i).x(), y(p.high)));
            }
        }
        for (int i = 0; i < dots.size(); i++) {
            Point p = s.points.get(i);
            if (s.style == Style.LINE || s.style == Style.DOTS) {
                String where = s.name + ": " + Axis.label(p.x) + ", " + Axis.label(p.y);
                double radius = s.style == Style.LINE || !p.label.isEmpty() ? 4 : 2.4;
                canvas.circle("dot f" + s.colour, dots.get(i), radius, where);
            }
            if (!p.label.isEmpty()) {
                boolean right = dots.get(i).x() + 8 + Canvas.width(p.label) < Canvas.WIDTH - 2;
                canvas.text(
                        "label f" + s.colour,
                        right ? "start" : "end",
                        new Canvas.Dot(
                                dots.get(i).x() + (right ? 8 : -8),
                                Math.max(dots.get(i).y() + 4, LABEL)),
                        p.label);
            }
        }
    }

    private double x(double value) {
        return LEFT + Math.max(0, Math.min(1, x.at(value))) * (Canvas.WIDTH - LEFT - RIGHT);
    }

    private double y(double value) {
        return HEIGHT - BOTTOM - Math.max(0, Math.min(1, y.at(value))) * (HEIGHT - TOP - BOTTOM);
    }
}

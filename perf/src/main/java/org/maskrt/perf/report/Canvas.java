package org.maskrt.perf.report;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** SVG elements, appended one after the other. Colours and fonts are classes of the page's style sheet. */
final class Canvas {
    static final int WIDTH = 420;
    /** Average width of a character of small text on a phone, to keep text inside the drawing. */
    private static final double CHARACTER = 6.6;

    private final StringBuilder out = new StringBuilder();

    /** A place, in pixels of the drawing. */
    record Dot(double x, double y) {}

    /** The whole element. */
    String svg(String title, int height) {
        return "<svg class=\"plot\" viewBox=\"0 0 " + WIDTH + " " + height + "\" width=\"" + WIDTH + "\" height=\""
                + height + "\" role=\"img\" aria-label=\"" + HtmlPage.escape(title) + "\">" + out + "</svg>";
    }

    void line(String style, Dot from, Dot to) {
        out.append("<line class=\"").append(style).append('"');
        number("x1", from.x);
        number("y1", from.y);
        number("x2", to.x);
        number("y2", to.y);
        out.append("/>");
    }

    void polyline(String style, List<Dot> dots) {
        points("polyline", style, dots);
    }

    void polygon(String style, List<Dot> dots) {
        points("polygon", style, dots);
    }

    private void points(String element, String style, List<Dot> dots) {
        out.append('<').append(element).append(" class=\"").append(style).append("\" points=\"");
        out.append(dots.stream().map(d -> format(d.x) + "," + format(d.y)).collect(Collectors.joining(" ")));
        out.append("\"/>");
    }

    void rectangle(String style, Dot corner, double width, double height, String tooltip) {
        out.append("<rect class=\"").append(style).append("\" rx=\"2\"");
        number("x", corner.x);
        number("y", corner.y);
        number("width", Math.max(width, 1));
        number("height", height);
        tooltip("rect", tooltip);
    }

    void circle(String style, Dot centre, double radius, String tooltip) {
        out.append("<circle class=\"").append(style).append('"');
        number("cx", centre.x);
        number("cy", centre.y);
        number("r", radius);
        tooltip("circle", tooltip);
    }

    private void tooltip(String element, String text) {
        if (text.isEmpty()) {
            out.append("/>");
        } else {
            out.append("><title>")
                    .append(HtmlPage.escape(text))
                    .append("</title></")
                    .append(element)
                    .append('>');
        }
    }

    /** @param anchor start, middle or end */
    void text(String style, String anchor, Dot at, String text) {
        out.append("<text class=\"")
                .append(style)
                .append("\" text-anchor=\"")
                .append(anchor)
                .append('"');
        number("x", at.x);
        number("y", at.y);
        out.append('>').append(HtmlPage.escape(text)).append("</text>");
    }

    /** The elements alone. */
    String elements() {
        return out.toString();
    }

    /** About how wide a text is. */
    static double width(String text) {
        return CHARACTER * text.length();
    }

    /** {@code text} without its middle where it would be wider than {@code width}. */
    static String fit(String text, double width) {
        int most = (int) (width / CHARACTER);
        if (text.length() <= most) {
            return text;
        }
        int half = Math.max(1, (most - 1) / 2);
        return text.substring(0, half) + "…" + text.substring(text.length() - half);
    }

    private void number(String name, double value) {
        out.append(' ').append(name).append("=\"").append(format(value)).append('"');
    }

    private static String format(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }
}

package org.maskrt.perf.report;

import java.util.List;

/** A figure as a file of its own, in the colours of a page. */
final class SvgFile {
    private static final int EDGE = 14;
    private static final int TITLE = 30;
    private static final int LINE = 18;
    private static final int SWATCH = 10;

    private SvgFile() {}

    static String of(Block.Figure figure) {
        Canvas head = new Canvas();
        head.text("strong", "start", new Canvas.Dot(0, 14), figure.title());
        double x = 0;
        double y = TITLE;
        List<Plot.Key> legend = figure.plot().legend();
        for (Plot.Key key : legend) {
            double width = SWATCH + 6 + Canvas.width(key.name());
            if (x > 0 && x + width > Canvas.WIDTH) {
                x = 0;
                y += LINE;
            }
            head.rectangle("f" + key.colour(), new Canvas.Dot(x, y), SWATCH, SWATCH, "");
            head.text("tick", "start", new Canvas.Dot(x + SWATCH + 6, y + SWATCH - 1), key.name());
            x += width + EDGE;
        }
        int top = EDGE + (int) y + (legend.isEmpty() ? 0 : LINE + 4);
        int width = Canvas.WIDTH + 2 * EDGE;
        int height = top + figure.plot().height() + EDGE;
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + width + " " + height + "\" width=\"" + width
                + "\" height=\"" + height
                + "\" font-family=\"Inter, 'Segoe UI', Roboto, Arial, sans-serif\">\n<style>\n"
                + HtmlPage.style("plot.css") + "</style>\n<rect width=\"" + width + "\" height=\"" + height
                + "\" style=\"fill: var(--page)\"/>\n<g transform=\"translate(" + EDGE + " " + EDGE + ")\">"
                + head.elements() + "</g>\n<g transform=\"translate(" + EDGE + " " + top + ")\">"
                + figure.plot().svg(figure.title()) + "</g>\n</svg>\n";
    }
}

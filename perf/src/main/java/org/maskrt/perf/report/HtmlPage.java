package org.maskrt.perf.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.maskrt.models.image.Images;

/** A report as HTML. */
final class HtmlPage {
    private final StringBuilder out = new StringBuilder();

    private HtmlPage() {}

    static String of(Report report) {
        HtmlPage page = new HtmlPage();
        page.write(report);
        return page.out.toString();
    }

    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    private void write(Report report) {
        out.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
        out.append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
        out.append("<meta name=\"color-scheme\" content=\"light dark\"/>\n");
        element("title", report.title());
        out.append("<style>\n")
                .append(style("plot.css"))
                .append(style("report.css"))
                .append("</style>\n</head>\n<body>\n<main>\n<header>\n");
        element("h1", report.title());
        element("p", report.subtitle());
        out.append("</header>\n");
        report.sections().forEach(this::write);
        out.append("</main>\n</body>\n</html>\n");
    }

    private void write(Report.Section section) {
        out.append("<section>\n");
        if (!section.heading().isEmpty()) {
            element("h2", section.heading());
        }
        boolean side = false;
        for (Block block : section.blocks()) {
            boolean figure = block instanceof Block.Figure;
            if (figure != side) {
                out.append(figure ? "<div class=\"figures\">\n" : "</div>\n");
                side = figure;
            }
            write(block);
        }
        out.append(side ? "</div>\n" : "").append("</section>\n");
    }

    private void write(Block block) {
        if (block instanceof Block.Text text) {
            element("p", text.text());
        } else if (block instanceof Block.Code code) {
            out.append("<pre>");
            element("code", code.text());
            out.append("</pre>\n");
        } else if (block instanceof Block.Callout callout) {
            out.append("<div class=\"callout ").append(tone(callout.tone())).append("\">");
            element("strong", callout.title());
            element("p", callout.text());
            out.append("</div>\n");
        } else if (block instanceof Block.Tiles tiles) {
            write(tiles.tiles());
        } else if (block instanceof Block.Table table) {
            write(table);
        } else if (block instanceof Block.Figure figure) {
            write(figure);
        } else if (block instanceof Block.Pictures pictures) {
            write(pictures);
        }
    }

    private static String tone(Block.Tone tone) {
        return switch (tone) {
            case GOOD -> "good";
            case BAD -> "bad";
            case NEUTRAL -> "neutral";
        };
    }

    private void write(List<Block.Tile> tiles) {
        out.append("<dl class=\"tiles\">\n");
        for (Block.Tile tile : tiles) {
            out.append("<div>");
            element("dt", tile.label());
            element("dd", tile.value());
            if (!tile.note().isEmpty()) {
                out.append("<dd class=\"note\">").append(escape(tile.note())).append("</dd>");
            }
            out.append("</div>\n");
        }
        out.append("</dl>\n");
    }

    private void write(Block.Table table) {
        if (table.folded()) {
            out.append("<details>");
            element("summary", table.caption());
        } else {
            out.append("<h3>").append(escape(table.caption())).append("</h3>\n");
        }
        out.append("<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>");
        table.columns().forEach(column -> element("th", column));
        out.append("</tr></thead>\n<tbody>\n");
        for (List<String> row : table.rows()) {
            out.append("<tr>");
            row.forEach(cell -> element("td", cell));
            out.append("</tr>\n");
        }
        out.append("</tbody></table></div>").append(table.folded() ? "</details>\n" : "\n");
    }

    private void write(Block.Figure figure) {
        out.append("<figure>");
        out.append("<h3>").append(escape(figure.title())).append("</h3>");
        List<Plot.Key> legend = figure.plot().legend();
        if (!legend.isEmpty()) {
            out.append("<ul class=\"legend\">");
            for (Plot.Key key : legend) {
                out.append("<li><i class=\"b")
                        .append(key.colour())
                        .append("\"></i>")
                        .append(escape(key.name()))
                        .append("</li>");
            }
            out.append("</ul>");
        }
        out.append(figure.plot().svg(figure.title()));
        if (!figure.caption().isEmpty()) {
            element("figcaption", figure.caption());
        }
        out.append("</figure>\n");
    }

    private void write(Block.Pictures pictures) {
        out.append("<h3>").append(escape(pictures.caption())).append("</h3>\n<div class=\"gallery\">\n");
        for (Block.PictureRow row : pictures.rows()) {
            out.append("<div class=\"pictures\">");
            element("p", row.label());
            for (int i = 0; i < row.images().size(); i++) {
                String column = pictures.columns().get(i);
                byte[] png = Images.png(row.images().get(i), Map.of());
                out.append("<figure><img alt=\"")
                        .append(escape(column))
                        .append("\" src=\"data:image/png;base64,")
                        .append(Base64.getEncoder().encodeToString(png))
                        .append("\"/>");
                element("figcaption", column);
                out.append("</figure>");
            }
            out.append("</div>\n");
        }
        out.append("</div>\n");
    }

    private void element(String name, String text) {
        out.append('<')
                .append(name)
                .append('>')
                .append(escape(text))
                .append("</")
                .append(name)
                .append('>');
    }

    static String style(String sheet) {
        try (InputStream in = HtmlPage.class.getResourceAsStream(sheet)) {
            if (in == null) {
                throw new IllegalStateException(sheet + " is missing from the jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

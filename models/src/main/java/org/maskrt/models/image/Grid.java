package org.maskrt.models.image;

import java.util.Collection;
import java.util.List;

/**
 * Pictures in rows and columns on white, the name of each row at its left and the name of each column above it.
 *
 * @param rows names of the rows, such as classes; cut after 24 characters
 * @param columns names of the columns, such as seeds
 * @param cells the pictures, row by row, all of one size
 */
public record Grid(List<String> rows, List<String> columns, List<RgbImage> cells) {
    private static final int WHITE = 0xFF;
    private static final int MAX_NAME = 24;

    /**
     * Copies its arguments.
     *
     * @throws IllegalArgumentException if there are no cells, or not rows x columns of them, or they differ in size
     */
    public Grid {
        rows = List.copyOf(rows);
        columns = List.copyOf(columns);
        cells = List.copyOf(cells);
        if (cells.isEmpty() || cells.size() != rows.size() * columns.size()) {
            throw new IllegalArgumentException(
                    "a grid of " + rows.size() + " rows and " + columns.size() + " columns needs "
                            + rows.size() * columns.size() + " cells and at least one, got " + cells.size());
        }
        for (RgbImage cell : cells) {
            if (cell.width() != cells.get(0).width()
                    || cell.height() != cells.get(0).height()) {
                throw new IllegalArgumentException(
                        "the cells of a grid need one size, got " + cells.get(0).width() + " x "
                                + cells.get(0).height() + " and " + cell.width() + " x " + cell.height());
            }
        }
    }

    /** The picture of the grid. */
    public RgbImage draw() {
        int cellWidth = cells.get(0).width();
        int cellHeight = cells.get(0).height();
        int scale = Math.max(2, Math.min(4, cellHeight / 64 + 1));
        int gap = 2 * scale;
        int margin = 6 * scale;
        List<String> names = rows.stream().map(Grid::cut).toList();
        List<String> heads = columns.stream().map(Grid::cut).toList();
        int pitchX = Math.max(cellWidth, widest(heads, scale)) + gap;
        int pitchY = Math.max(cellHeight, Glyphs.HEIGHT * scale) + gap;
        int left = margin + (widest(names, scale) == 0 ? 0 : widest(names, scale) + margin);
        int top = margin + (widest(heads, scale) == 0 ? 0 : Glyphs.HEIGHT * scale + gap);

        RgbImage sheet =
                new RgbImage(left + columns.size() * pitchX - gap + margin, top + rows.size() * pitchY - gap + margin);
        sheet.fill(0, 0, sheet.width(), sheet.height(), WHITE);
        Glyphs glyphs = new Glyphs();
        for (int c = 0; c < heads.size(); c++) {
            int center = left + c * pitchX + (pitchX - gap) / 2;
            glyphs.draw(sheet, heads.get(c), center - Glyphs.width(heads.get(c), scale) / 2, margin, scale);
        }
        for (int r = 0; r < names.size(); r++) {
            int y = top + r * pitchY + (pitchY - gap - Glyphs.ASCENT * scale) / 2;
            glyphs.draw(sheet, names.get(r), left - margin - Glyphs.width(names.get(r), scale), y, scale);
            for (int c = 0; c < heads.size(); c++) {
                sheet.paste(
                        cells.get(r * heads.size() + c),
                        left + c * pitchX + (pitchX - gap - cellWidth) / 2,
                        top + r * pitchY + (pitchY - gap - cellHeight) / 2);
            }
        }
        return sheet;
    }

    private static int widest(Collection<String> texts, int scale) {
        return texts.stream().mapToInt(t -> Glyphs.width(t, scale)).max().orElse(0);
    }

    private static String cut(String name) {
        return name.length() <= MAX_NAME
                ? name
                : name.substring(0, MAX_NAME - 2).strip() + "..";
    }
}

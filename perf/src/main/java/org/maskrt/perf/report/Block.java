package org.maskrt.perf.report;

import java.util.List;
import org.maskrt.models.image.RgbImage;

/** A piece of a page. */
public sealed interface Block {
    /** A paragraph. */
    record Text(String text) implements Block {}

    /** Text to be copied, such as a command. */
    record Code(String text) implements Block {}

    /** A statement that stands out. */
    record Callout(Tone tone, String title, String text) implements Block {}

    /** What a statement or figure means to the reader. */
    enum Tone {
        GOOD,
        BAD,
        NEUTRAL
    }

    /** The figures that matter most, side by side. */
    record Tiles(List<Tile> tiles) implements Block {
        public Tiles {
            tiles = List.copyOf(tiles);
        }
    }

    /**
     * One figure.
     *
     * @param label what it is
     * @param value with its unit
     * @param note below it; may be empty
     */
    record Tile(String label, String value, String note) {}

    /**
     * Rows of text, the first column to the left and the others to the right.
     *
     * @param caption above it
     * @param columns their heads
     * @param rows cells in the order of the columns
     * @param folded whether it opens at a click
     */
    record Table(String caption, List<String> columns, List<List<String>> rows, boolean folded) implements Block {
        public Table {
            columns = List.copyOf(columns);
            rows = rows.stream().map(List::copyOf).toList();
        }

        /** A table that is open. */
        public static Table of(String caption, List<String> columns, List<List<String>> rows) {
            return new Table(caption, columns, rows, false);
        }
    }

    /**
     * A plot.
     *
     * @param title above it
     * @param caption below it; may be empty
     */
    record Figure(String title, String caption, Plot plot) implements Block {
        /** Title, legend and plot as an SVG file, complete in itself. */
        public String svg() {
            return SvgFile.of(this);
        }
    }

    /**
     * Pictures side by side, which are part of the page.
     *
     * @param caption above them
     * @param columns their heads
     * @param rows in order
     */
    record Pictures(String caption, List<String> columns, List<PictureRow> rows) implements Block {
        public Pictures {
            columns = List.copyOf(columns);
            rows = List.copyOf(rows);
        }
    }

    /**
     * A row of pictures.
     *
     * @param label above it
     * @param images in the order of the columns
     */
    record PictureRow(String label, List<RgbImage> images) {
        public PictureRow {
            images = List.copyOf(images);
        }
    }
}

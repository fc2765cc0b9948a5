package org.maskrt.models.image;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/**
 * Text in a bitmap font of printable ASCII, 5 pixels wide, 7 above the base line and 2 below: a JDK may come without any font, and this
 * one gives the same pixels everywhere. The glyphs are drawn in {@code glyphs.txt}, 16 in a band, a blank column between them.
 */
public final class Glyphs {
    static final int HEIGHT = 9;
    /** The rows above the base line, which text is centred by. */
    static final int ASCENT = 7;

    private static final int WIDTH = 5;
    private static final int ADVANCE = WIDTH + 1;
    private static final int PER_BAND = 16;
    private static final char FIRST = ' ';
    private static final char LAST = '~';

    private final List<String> rows;

    /** Reads the font. */
    public Glyphs() {
        try (InputStream in = Objects.requireNonNull(Glyphs.class.getResourceAsStream("glyphs.txt"))) {
            rows = new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The width in pixels of a text at a scale. */
    public static int width(String text, int scale) {
        return text.isEmpty() ? 0 : (text.length() * ADVANCE - 1) * scale;
    }

    /** Draws the text with its upper left corner at (x, y); what the font does not have becomes a question mark. */
    public void draw(RgbImage image, String text, int x, int y, int scale) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i) < FIRST || text.charAt(i) > LAST ? '?' : text.charAt(i);
            int band = (c - FIRST) / PER_BAND * HEIGHT;
            int column = (c - FIRST) % PER_BAND * ADVANCE;
            for (int v = 0; v < HEIGHT; v++) {
                for (int u = 0; u < WIDTH; u++) {
                    if (rows.get(band + v).charAt(column + u) == '#') {
                        image.fill(x + (i * ADVANCE + u) * scale, y + v * scale, scale, scale, 0x22);
                    }
                }
            }
        }
    }
}

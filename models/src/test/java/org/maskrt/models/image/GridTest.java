package org.maskrt.models.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class GridTest {
    @Test
    void cellsLieInRowsAndColumns() {
        List<RgbImage> cells = List.of(grey(10), grey(20), grey(30), grey(40), grey(50), grey(60));
        RgbImage sheet = new Grid(List.of("cat", "a dog"), List.of("0", "1", "2"), cells).draw();
        // Scale 2: margin 12, gap 4; the names take 5 * 12 - 2 = 58 and a margin, the heads 18 and a gap.
        int left = 12 + 58 + 12;
        int top = 12 + 18 + 4;
        assertEquals(left + 3 * 36 - 4 + 12, sheet.width());
        assertEquals(top + 2 * 36 - 4 + 12, sheet.height());
        for (int r = 0; r < 2; r++) {
            for (int c = 0; c < 3; c++) {
                RgbImage cell = sheet.crop(left + 36 * c, top + 36 * r, 32, 32);
                assertArrayEquals(cells.get(3 * r + c).pixels(), cell.pixels(), "row " + r + ", column " + c);
            }
        }
        assertEquals(-1, sheet.pixels()[0], "white margin");
    }

    @Test
    void namesAreDrawnBesideTheirRow() {
        RgbImage sheet = new Grid(List.of("-"), List.of(""), List.of(grey(0))).draw();
        // The dash: row 3 of a glyph at scale 2, whose 7 rows are centred on 32 pixels.
        RgbImage name = sheet.crop(12, 12 + 9, 10, 14);
        for (int y = 0; y < 14; y++) {
            for (int x = 0; x < 10; x++) {
                int expected = y == 6 || y == 7 ? 0x22 : 0xFF;
                assertEquals(expected, Byte.toUnsignedInt(name.pixels()[(y * 10 + x) * 3]), x + ", " + y);
            }
        }
        assertEquals(12 + 10 + 12 + 32 + 12, sheet.width());
        assertEquals(12 + 32 + 12, sheet.height());
    }

    @Test
    void longNamesAreCutAndForeignLettersMarked() {
        RgbImage cut = new Grid(List.of("x".repeat(300)), List.of(""), List.of(grey(0))).draw();
        RgbImage exact = new Grid(List.of("x".repeat(22) + ".."), List.of(""), List.of(grey(0))).draw();
        assertArrayEquals(exact.pixels(), cut.pixels());
        assertArrayEquals(
                new Grid(List.of("?"), List.of(""), List.of(grey(0))).draw().pixels(),
                new Grid(List.of("\u00e9"), List.of(""), List.of(grey(0)))
                        .draw()
                        .pixels());
    }

    @Test
    void everyPrintableCharacterHasItsOwnGlyph() {
        Set<String> seen = new HashSet<>();
        for (char c = ' '; c <= '~'; c++) {
            RgbImage image = new RgbImage(5, 9);
            image.fill(0, 0, 5, 9, 0xFF);
            new Glyphs().draw(image, String.valueOf(c), 0, 0, 1);
            seen.add(Arrays.toString(image.pixels()));
        }
        assertEquals(95, seen.size());
    }

    @Test
    void refusesWhatIsNoGrid() {
        assertEquals(
                "a grid of 1 rows and 2 columns needs 2 cells and at least one, got 1",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> new Grid(List.of("a"), List.of("0", "1"), List.of(grey(0))))
                        .getMessage());
        assertEquals(
                "the cells of a grid need one size, got 32 x 32 and 8 x 4",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> new Grid(List.of("a"), List.of("0", "1"), List.of(grey(0), new RgbImage(8, 4))))
                        .getMessage());
    }

    private static RgbImage grey(int level) {
        RgbImage image = new RgbImage(32, 32);
        image.fill(0, 0, 32, 32, level);
        return image;
    }
}

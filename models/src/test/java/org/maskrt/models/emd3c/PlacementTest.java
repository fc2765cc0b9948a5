package org.maskrt.models.emd3c;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;

class PlacementTest {
    private static RgbImage random(int width, int height, long seed) {
        byte[] pixels = new byte[3 * width * height];
        new Random(seed).nextBytes(pixels);
        return new RgbImage(width, height, pixels);
    }

    @ParameterizedTest
    @CsvSource({
        "200, 100, 50, 30, 40, 20, 40, 10, 60, 60",
        "200, 100, 0, 0, 40, 20, 0, 0, 60, 60",
        "200, 100, 170, 80, 30, 20, 155, 55, 45, 45",
        "200, 100, 20, 5, 90, 90, 15, 0, 100, 100",
        "200, 100, 20, 0, 140, 90, 20, -25, 140, 140",
    })
    void theSquareHoldsTheBoxAndStaysInTheSceneWhereItCan(
            int width, int height, int x, int y, int w, int h, int cropX, int cropY, int cropWidth, int cropHeight) {
        Placement placement = Placement.of(new RgbImage(width, height), new Box(x, y, w, h));
        assertEquals(new Box(cropX, cropY, cropWidth, cropHeight), placement.crop());
    }

    @Test
    void onlyTheBoxIsBlanked() {
        RgbImage scene = random(60, 60, 1);
        Placement placement = new Placement(new Box(20, 10, 20, 30), new Box(0, 0, 60, 60));
        RgbImage hint = placement.hint(scene, 60);
        RgbImage box = placement.boxPicture(60);
        for (int i = 0; i < 60 * 60; i++) {
            int column = i % 60;
            int row = Math.floorDiv(i, 60);
            boolean inside = column >= 20 && column < 40 && row >= 10 && row < 40;
            byte[] expected = inside
                    ? new byte[] {(byte) 128, (byte) 128, (byte) 128}
                    : Arrays.copyOfRange(scene.pixels(), 3 * i, 3 * i + 3);
            assertArrayEquals(expected, Arrays.copyOfRange(hint.pixels(), 3 * i, 3 * i + 3), "pixel " + i);
            assertEquals(inside ? 255 : 0, Byte.toUnsignedInt(box.pixels()[3 * i]), "pixel " + i);
        }
    }

    @Test
    void boxesAreWidenedToWholePixels() {
        Placement placement = new Placement(new Box(11, 10, 20, 19), new Box(0, 0, 60, 60));
        assertEquals(new Box(3, 3, 8, 7), placement.scaled(20));
    }

    @Test
    void nothingOutsideTheBoxChanges() {
        RgbImage scene = random(90, 70, 2);
        Box box = new Box(33, 21, 25, 31);
        Placement placement = Placement.of(scene, box);
        RgbImage pasted = placement.paste(scene, random(16, 16, 3));
        int changed = 0;
        for (int i = 0; i < 90 * 70; i++) {
            int column = i % 90;
            int row = Math.floorDiv(i, 90);
            boolean inside = column >= 33 && column < 58 && row >= 21 && row < 52;
            boolean same = Arrays.equals(
                    Arrays.copyOfRange(scene.pixels(), 3 * i, 3 * i + 3),
                    Arrays.copyOfRange(pasted.pixels(), 3 * i, 3 * i + 3));
            assertEquals(true, same || inside, "pixel " + i);
            changed += same ? 0 : 1;
        }
        assertEquals(25 * 31, changed, 5);
    }

    /** What is drawn at the size of the square lands where it was drawn. */
    @Test
    void aDrawingOfTheSquaresSizeIsPastedAsItIs() {
        RgbImage scene = random(90, 70, 4);
        RgbImage other = random(90, 70, 5);
        Placement placement = Placement.of(scene, new Box(33, 21, 25, 31));
        RgbImage pasted =
                placement.paste(scene, placement.target(other, placement.crop().width()));
        Box box = placement.box();
        assertArrayEquals(other.crop(box, 0).pixels(), pasted.crop(box, 0).pixels());
    }

    @Test
    void theObjectIsCutOutOnWhite() {
        RgbImage picture = random(20, 12, 6);
        Mask mask = Mask.of(20, 12, new Box(4, 2, 10, 6));
        RgbImage object = Placement.object(picture, mask, 10);
        assertEquals(10, object.width());
        for (int row : new int[] {0, 1, 8, 9}) {
            for (int i = 3 * 10 * row; i < 3 * 10 * (row + 1); i++) {
                assertEquals(-1, object.pixels()[i], "row " + row);
            }
        }
        assertArrayEquals(
                picture.crop(new Box(4, 2, 10, 6), 0).pixels(),
                object.crop(new Box(0, 2, 10, 6), 0).pixels());
    }

    @Test
    void whatDoesNotFitIsRefused() {
        assertEquals(
                "expected a box inside the scene of 10 x 10, got 5 x 5 at (6, 0); move it or make it smaller",
                assertThrows(MaskRtException.class, () -> Placement.of(new RgbImage(10, 10), new Box(6, 0, 5, 5)))
                        .getMessage());
        assertEquals(
                "the mask of the object is empty; make it white where the object is",
                assertThrows(
                                MaskRtException.class,
                                () -> Placement.object(new RgbImage(2, 2), new Mask(2, 2, new byte[4]), 4))
                        .getMessage());
        assertEquals(
                "expected an object and its mask to have one size, got 2 x 2 and 3 x 2; crop or resize one of them",
                assertThrows(
                                MaskRtException.class,
                                () -> Placement.object(new RgbImage(2, 2), new Mask(3, 2, new byte[6]), 4))
                        .getMessage());
    }
}

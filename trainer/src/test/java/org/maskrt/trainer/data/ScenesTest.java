package org.maskrt.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.maskrt.models.image.Box;

class ScenesTest {
    private static final int SIZE = 96;

    @Test
    void aPairDependsOnSeedAndIndexAlone() {
        Scenes scenes = new Scenes(SIZE, 7, 1000);
        Scenes again = new Scenes(SIZE, 7, 5000);
        for (int i = 0; i < 60; i++) {
            Pair once = scenes.get(i);
            Pair twice = again.get(i);
            assertArrayEquals(once.target().pixels(), twice.target().pixels(), "pair " + i);
            assertArrayEquals(once.object().pixels(), twice.object().pixels(), "pair " + i);
            assertEquals(once.box(), twice.box());
            assertEquals(i % 10, scenes.label(i));
        }
        assertFalse(Arrays.equals(
                scenes.get(0).target().pixels(),
                new Scenes(SIZE, 8, 1000).get(0).target().pixels()));
        assertThrows(IndexOutOfBoundsException.class, () -> scenes.get(1000));
    }

    /** The colours of the object's own picture are found in the box, and its mask holds all that is not white. */
    @Test
    void theObjectIsInTheBox() {
        Scenes scenes = new Scenes(SIZE, 3, 100);
        for (int i = 0; i < 100; i++) {
            Pair pair = scenes.get(i);
            Box box = pair.box();
            assertTrue(box.isInside(SIZE, SIZE), box::toString);
            for (int k = 0; k < SIZE * SIZE; k++) {
                if (Byte.toUnsignedInt(pair.mask().values()[k]) == 0) {
                    assertArrayEquals(
                            new byte[] {-1, -1, -1}, colour(pair.object().pixels(), k), "pair " + i);
                }
            }
            int middle = (box.y() + box.height() / 2) * SIZE + box.x() + box.width() / 2;
            int alone = SIZE / 2 * SIZE + SIZE / 2;
            // a ring and a crescent have no ink in their middle
            if (i % 10 != 1 && i % 10 != 6) {
                assertTrue(
                        strongest(colour(pair.target().pixels(), middle))
                                        == strongest(colour(pair.object().pixels(), alone))
                                || spread(colour(pair.object().pixels(), alone)) < 90,
                        "pair " + i + ": the object has another hue in the scene");
            }
        }
    }

    private static byte[] colour(byte[] pixels, int at) {
        return Arrays.copyOfRange(pixels, 3 * at, 3 * at + 3);
    }

    private static int strongest(byte[] rgb) {
        int best = 0;
        for (int c = 1; c < 3; c++) {
            best = Byte.toUnsignedInt(rgb[c]) > Byte.toUnsignedInt(rgb[best]) ? c : best;
        }
        return best;
    }

    private static int spread(byte[] rgb) {
        int[] levels = {Byte.toUnsignedInt(rgb[0]), Byte.toUnsignedInt(rgb[1]), Byte.toUnsignedInt(rgb[2])};
        Arrays.sort(levels);
        return levels[2] - levels[1];
    }

    @Test
    void impossibleSettingsAreRefused() {
        String message = assertThrows(IllegalArgumentException.class, () -> new Scenes(8, 1, 1))
                .getMessage();
        assertEquals(
                "Scenes: expected size >= 16 and count >= 1, got size 8 and count 1; change the data settings",
                message);
    }
}

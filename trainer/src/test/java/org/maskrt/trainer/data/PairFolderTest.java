package org.maskrt.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.emd3c.Placement;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.RgbImage;

class PairFolderTest {
    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    /** Two pairs: 'a' with a transparent rim around its object, 'b' without transparency. */
    @BeforeEach
    void write() throws IOException {
        for (String part : List.of("source", "target", "mask")) {
            Files.createDirectory(folder.resolve(part));
        }
        BufferedImage cut = new BufferedImage(6, 4, BufferedImage.TYPE_INT_ARGB);
        for (int x = 2; x < 5; x++) {
            cut.setRGB(x, 1, 0xff102030);
            cut.setRGB(x, 2, 0xff102030);
        }
        ImageIO.write(cut, "png", folder.resolve("source/a.png").toFile());
        picture("source/b.png", 5, 5, new Box(0, 0, 1, 1));
        for (String name : List.of("a", "b")) {
            picture("target/" + name + ".png", 20, 10, new Box(0, 0, 3, 3));
            picture("mask/" + name + ".png", 20, 10, new Box(4, 2, 5, 3));
        }
    }

    private void picture(String name, int width, int height, Box white) {
        RgbImage image = new RgbImage(width, height);
        image.fill(white.x(), white.y(), white.width(), white.height(), 255);
        Images.writePng(folder.resolve(name), image, Map.of());
    }

    private PairFolder open() {
        return new PairFolder(folder, warnings::add);
    }

    @Test
    void readsObjectsScenesAndBoxes() {
        PairFolder pairs = open();
        assertEquals(2, pairs.count());
        Pair a = pairs.get(0);
        assertEquals(new Box(2, 1, 3, 2), a.mask().bounds());
        assertEquals(new Box(4, 2, 5, 3), a.box());
        assertEquals(20, a.target().width());
        assertEquals(0x10, a.object().pixels()[3 * (1 * 6 + 2)]);
        assertEquals(new Box(0, 0, 5, 5), pairs.get(1).mask().bounds());
        assertThrows(IndexOutOfBoundsException.class, () -> pairs.get(2));

        PairPictures pictures = new PairPictures(pairs, 8);
        assertEquals(6, pictures.count());
        RgbImage[] expected = {
            Placement.of(a.target(), a.box()).target(a.target(), 8),
            Placement.of(a.target(), a.box()).hint(a.target(), 8),
            Placement.object(a.object(), a.mask(), 8)
        };
        for (int kind = 0; kind < 3; kind++) {
            float[] chw = new float[3 * 64];
            expected[kind].toFloats(chw, 0);
            assertEquals(kind, pictures.get(kind).label());
            assertArrayEquals(chw, pictures.get(kind).chw(), pictures.labels().get(kind));
        }
    }

    @Test
    void aPairThatCannotBeReadIsLeftOutAndNamedOnce() throws IOException {
        picture("mask/a.png", 20, 9, new Box(4, 2, 5, 3));
        PairFolder pairs = open();
        for (int i = 0; i < 3; i++) {
            assertEquals(5, pairs.get(0).object().width());
        }
        assertEquals(
                List.of(folder.resolve("mask/a.png")
                        + ": expected white on black, 20 x 10 as its target, received 20 x 9; replace it; left out, training"
                        + " goes on with the next pair in its place"),
                warnings);
        Files.writeString(folder.resolve("target/b.png"), "no picture");
        MaskRtException e = assertThrows(MaskRtException.class, () -> pairs.get(1));
        assertEquals(folder + ": none of its 2 pairs can be read; check the files", e.getMessage());
        assertTrue(
                warnings.get(1).startsWith(folder.resolve("target/b.png") + ": not a readable image"), warnings.get(1));
    }

    @Test
    void foldersThatAreNoPairsAreRefused() throws IOException {
        Files.delete(folder.resolve("mask/b.png"));
        assertEquals(
                folder.resolve("mask")
                        + ": expected a picture 'b' as in source and target, found none; add it, or remove the"
                        + " others",
                assertThrows(MaskRtException.class, this::open).getMessage());
        Files.copy(folder.resolve("source/a.png"), folder.resolve("source/a.jpg"));
        assertEquals(
                folder.resolve("source/a.png") + ": expected one picture of this name, there is a.jpg too; remove one",
                assertThrows(MaskRtException.class, this::open).getMessage());
        Path empty = Files.createDirectory(folder.resolve("empty"));
        assertTrue(assertThrows(MaskRtException.class, () -> new PairFolder(empty, warnings::add))
                .getMessage()
                .startsWith(empty.resolve("source") + ": expected a folder of pictures beside the other two"));
        for (String part : List.of("source", "target", "mask")) {
            Files.createDirectory(empty.resolve(part));
        }
        assertEquals(
                empty
                        + ": expected .png or .jpg files of equal names in source/, target/ and mask/, found none; name the"
                        + " folder that holds these",
                assertThrows(MaskRtException.class, () -> new PairFolder(empty, warnings::add))
                        .getMessage());
    }
}

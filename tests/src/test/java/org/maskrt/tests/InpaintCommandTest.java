package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.cli.Main;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;

/** {@code maskrt inpaint} on exported graphs. */
class InpaintCommandTest {
    private static final int SIZE = 16;
    private static final Mask MASK = Mask.of(SIZE, SIZE, new Box(0, 4, SIZE, 12));

    @TempDir
    private static Path folder;

    private static Path model;
    private static Path picture;
    private static Path mask;

    @BeforeAll
    static void export() {
        model = SampledModel.export(
                folder.resolve("model"), ExportOptions.DEFAULT.withGraphs(Set.copyOf(ExportOptions.GRAPHS)));
        RgbImage image = new RgbImage(SIZE, SIZE);
        for (int i = 0; i < image.pixels().length; i++) {
            image.pixels()[i] = (byte) (i * 31);
        }
        picture = write("picture.png", image);
        mask = write("mask.png", MASK.image());
    }

    private static Path write(String name, RgbImage image) {
        Path file = folder.resolve(name);
        Images.writePng(file, image, Map.of());
        return file;
    }

    private static String run(int exit, Path image, Path hidden, String... options) {
        List<String> args = new ArrayList<>(List.of(
                "inpaint", model.toString(), "--image", image.toString(), "--mask", hidden.toString(), "--steps", "4"));
        args.addAll(List.of("--class-labels", "star,1", "--quiet", "--threads", "1"));
        args.addAll(List.of(options));
        StringWriter out = new StringWriter();
        int received = Main.run(new PrintWriter(out, true), new PrintWriter(out, true), args.toArray(new String[0]));
        assertEquals(exit, received, out::toString);
        return out.toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"side-interpolater", "replace"})
    void paintsWhereTheMaskIsWhite(String method) {
        Path out = folder.resolve(method);
        run(0, picture, mask, "--method", method, "-o", out.toString());
        RgbImage before = Images.decode(picture);
        for (String name : List.of("000000.png", "000001.png")) {
            RgbImage after = Images.decode(out.resolve(name));
            int painted = 0;
            for (int i = 0; i < SIZE * SIZE; i++) {
                boolean same = true;
                for (int c = 0; c < 3; c++) {
                    same &= before.pixels()[3 * i + c] == after.pixels()[3 * i + c];
                }
                assertTrue(same || MASK.holds(i % SIZE, i / SIZE), name + ": pixel " + i + " has changed");
                painted += same ? 0 : 1;
            }
            assertTrue(painted > 150, name + ": " + painted + " pixels painted");
        }
    }

    @Test
    void aLargerPictureIsCropped() {
        Path large = write("large.png", new RgbImage(40, 24));
        Path largeMask =
                write("large-mask.png", Mask.of(40, 24, new Box(10, 10, 10, 10)).image());
        String out = run(0, large, largeMask, "-o", folder.resolve("cropped").toString());
        assertTrue(out.contains(large + ": 40 x 24; its middle is taken, 16 x 16 as the model makes them"), out);
    }

    @Test
    void whatDoesNotFitIsRefused() {
        Path out = folder.resolve("refused");
        Path wrong = write("wrong.png", new RgbImage(8, 8));
        assertTrue(run(2, picture, wrong, "-o", out.toString())
                .contains("inpaint: expected picture and mask of one size, got 16 x 16 and 8 x 8"));
        Path black = write("black.png", new RgbImage(SIZE, SIZE));
        assertTrue(run(2, picture, black, "-o", out.toString()).contains("the mask is black"));
        assertTrue(
                run(1, folder.resolve("none.png"), mask, "-o", out.toString()).contains("there is no such file"));
        assertTrue(run(2, picture, mask, "-o", out.toString(), "--method", "lama")
                .contains("there is no way of inpainting"));
    }
}

package org.maskrt.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class ImageFolderTest {
    @TempDir
    Path folder;

    private final List<String> warnings = Collections.synchronizedList(new ArrayList<>());

    private void picture(String name, Color left, Color right) throws IOException {
        BufferedImage image = new BufferedImage(96, 64, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        g.setColor(left);
        g.fillRect(0, 0, 48, 64);
        g.setColor(right);
        g.fillRect(48, 0, 48, 64);
        g.dispose();
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        ImageIO.write(image, name.endsWith("png") ? "png" : "jpg", file.toFile());
    }

    private ImageFolder open(int numClasses) {
        return new ImageFolder(folder, 16, numClasses, warnings::add);
    }

    private String refusal(int numClasses) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> open(numClasses));
        assertEquals(ExitCode.USAGE, e.code());
        return e.getMessage().replace(folder.toString(), "FOLDER");
    }

    @Test
    void classFoldersAreNumberedByName() throws IOException {
        picture("tench/a.JPG", Color.RED, Color.BLUE);
        picture("goldfish/b.png", Color.BLUE, Color.RED);
        picture("goldfish/c.jpeg", Color.BLUE, Color.RED);
        Files.createDirectories(folder.resolve("empty"));
        Files.writeString(folder.resolve("notes.txt"), "not a picture");
        ImageFolder source = open(0);
        assertEquals(List.of("goldfish", "tench"), source.labels());
        assertEquals(3, source.count());
        assertEquals(
                List.of(0, 0, 1),
                List.of(
                        source.get(0).label(),
                        source.get(1).label(),
                        source.get(2).label()));
        assertEquals(List.of("goldfish", "tench", "2"), open(3).labels());
    }

    @Test
    void flatFolderTakesTheClassFromTheName() throws IOException {
        picture("003_n01_shark_1.jpg", Color.RED, Color.BLUE);
        picture("000_n00_tench_7.jpg", Color.BLUE, Color.RED);
        ImageFolder source = open(0);
        assertEquals(4, source.numClasses());
        assertEquals(List.of("0", "1", "2", "3"), source.labels());
        assertEquals(0, source.get(0).label());
        assertEquals(3, source.get(1).label());
        assertEquals(1000, open(1000).numClasses());
        assertEquals(
                "FOLDER: expected at most 3 classes, found class index 3; set the number of classes to 4 or more",
                refusal(3));
        picture("shark.jpg", Color.RED, Color.RED);
        assertEquals(
                "FOLDER/shark.jpg: expected a name ClassID_anything with a whole number first, got shark.jpg; rename it, or sort"
                        + " the pictures into one folder a class",
                refusal(0));
    }

    @Test
    void picturesAreCroppedInTheMiddle() throws IOException {
        picture("0_a.png", Color.RED, Color.BLUE);
        float[] chw = open(0).get(0).chw();
        assertEquals(3 * 16 * 16, chw.length);
        for (int y = 0; y < 16; y++) {
            float[] left = {chw[y * 16 + 1], chw[256 + y * 16 + 1], chw[512 + y * 16 + 1]};
            float[] right = {chw[y * 16 + 14], chw[256 + y * 16 + 14], chw[512 + y * 16 + 14]};
            assertArrayEquals(new float[] {1, -1, -1}, left, 0.02f, "left of row " + y);
            assertArrayEquals(new float[] {-1, -1, 1}, right, 0.02f, "right of row " + y);
        }
        assertArrayEquals(chw, open(0).get(0).chw());
    }

    @Test
    void corruptFilesAreLeftOutAndNamedOnce() throws IOException {
        picture("0_a.jpg", Color.RED, Color.BLUE);
        picture("1_b.jpg", Color.RED, Color.BLUE);
        picture("2_c.jpg", Color.GREEN, Color.GREEN);
        picture("3_d.jpg", Color.GREEN, Color.GREEN);
        picture("4_e.png", Color.GREEN, Color.GREEN);
        byte[] bytes = Files.readAllBytes(folder.resolve("1_b.jpg"));
        Files.write(folder.resolve("1_b.jpg"), Arrays.copyOf(bytes, bytes.length * 2 / 3));
        Files.writeString(folder.resolve("3_d.jpg"), "this is no picture");
        bytes = Files.readAllBytes(folder.resolve("4_e.png"));
        Files.write(folder.resolve("4_e.png"), Arrays.copyOf(bytes, bytes.length / 2));
        ImageFolder source = open(0);
        BatchOrder order = new BatchOrder(5, 5, 1);
        try (ReadAhead<Batch> batches = new ReadAhead<>(new Batches(source, order, true)::at, 0)) {
            for (int step = 0; step < 4; step++) {
                for (long label : batches.next().labels()) {
                    assertTrue(label == 0 || label == 2, "label " + label + " of a corrupt file");
                }
            }
        }
        assertEquals(0, source.get(0).label());
        assertEquals(2, source.get(1).label());
        assertEquals(0, source.get(3).label(), "the search goes round");
        assertEquals(3, warnings.size(), warnings.toString());
        for (String name : List.of("1_b.jpg", "3_d.jpg", "4_e.png")) {
            assertEquals(
                    1,
                    warnings.stream()
                            .filter(w -> w.startsWith(folder.resolve(name) + ": not a readable image: ")
                                    && w.endsWith("; left out, training goes on with the next picture in its place")
                                    && !w.contains("\n"))
                            .count(),
                    name + " in " + warnings);
        }
    }

    @Test
    void refusesFoldersWithoutReadablePictures() throws IOException {
        assertEquals(
                "FOLDER: expected folders of .jpg or .png files, one a class, or files ClassID_name.jpg, found no picture; name"
                        + " the folder that holds them",
                refusal(0));
        Files.writeString(folder.resolve("0_a.jpg"), "no picture");
        Files.writeString(folder.resolve("1_a.jpg"), "no picture");
        ImageFolder source = open(0);
        MaskRtException e = assertThrows(MaskRtException.class, () -> source.get(1));
        assertEquals(folder + ": none of its 2 pictures can be decoded; check the files", e.getMessage());
        Path missing = folder.resolve("missing");
        e = assertThrows(MaskRtException.class, () -> new ImageFolder(missing, 16, 0, warnings::add));
        assertEquals(
                missing + ": expected a folder of pictures, it cannot be listed (java.nio.file.NoSuchFileException: "
                        + missing + "); name one",
                e.getMessage());
    }
}

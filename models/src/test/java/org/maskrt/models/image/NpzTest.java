package org.maskrt.models.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpzTest {
    @TempDir
    Path folder;

    @Test
    void numpyArraysInAZip() throws IOException {
        Path file = folder.resolve("samples_3x4x5x3.npz");
        List<RgbImage> images =
                List.of(ImagesTest.pattern(5, 4), ImagesTest.pattern(5, 4).flipHorizontally(), new RgbImage(5, 4));
        Npz.write(file, new long[] {7, -1, 1000}, 5, 4, images::get);
        try (ZipFile zip = new ZipFile(file.toFile())) {
            assertEquals(
                    List.of("arr_0.npy", "arr_1.npy"),
                    zip.stream().map(e -> e.getName()).toList());
            ByteBuffer samples =
                    array(zip, "arr_0.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 5, 3), }");
            for (RgbImage image : images) {
                byte[] pixels = new byte[60];
                samples.get(pixels);
                assertArrayEquals(image.pixels(), pixels);
            }
            assertEquals(0, samples.remaining());
            ByteBuffer labels = array(zip, "arr_1.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }");
            assertArrayEquals(
                    new long[] {7, -1, 1000}, new long[] {labels.getLong(), labels.getLong(), labels.getLong()});
            assertEquals(0, labels.remaining());
        }
        byte[] first = Files.readAllBytes(file);
        Npz.write(file, new long[] {7, -1, 1000}, 5, 4, images::get);
        assertArrayEquals(first, Files.readAllBytes(file), "the same samples give the same bytes");
    }

    /** The data behind a .npy header, whose parts are checked. */
    private static ByteBuffer array(ZipFile zip, String name, String literal) throws IOException {
        ByteBuffer npy = ByteBuffer.wrap(zip.getInputStream(zip.getEntry(name)).readAllBytes())
                .order(ByteOrder.LITTLE_ENDIAN);
        byte[] magic = new byte[8];
        npy.get(magic);
        assertArrayEquals(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}, magic);
        byte[] header = new byte[npy.getShort()];
        npy.get(header);
        assertEquals(0, npy.position() % 64, "the data is aligned");
        String text = new String(header, StandardCharsets.US_ASCII);
        assertEquals(literal, text.strip());
        assertEquals('\n', text.charAt(text.length() - 1));
        return npy.slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void nothingStaysOfAHalfWrittenArchive() throws IOException {
        IllegalArgumentException e = assertThrows(
                IllegalArgumentException.class,
                () -> Npz.write(
                        folder.resolve("a.npz"),
                        new long[2],
                        5,
                        4,
                        i -> i == 0 ? new RgbImage(5, 4) : new RgbImage(4, 5)));
        assertEquals("picture 1 must be 5 x 4, got 4 x 5", e.getMessage());
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of(), files.toList());
        }
    }
}

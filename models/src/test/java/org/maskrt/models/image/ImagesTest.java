package org.maskrt.models.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class ImagesTest {
    @TempDir
    Path folder;

    static RgbImage pattern(int width, int height) {
        RgbImage image = new RgbImage(width, height);
        for (int i = 0; i < image.pixels().length; i++) {
            int c = i % 3;
            int x = i / 3 % width;
            int y = i / 3 / width;
            image.pixels()[i] = (byte) ((7 * x + 13 * y + 29 * c) ^ (x * y));
        }
        return image;
    }

    static Stream<String> crops() throws IOException {
        try (InputStream in = ImagesTest.class.getResourceAsStream("/image/center_crop.txt")) {
            List<String> lines = new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .toList();
            return lines.stream().filter(line -> !line.startsWith("#"));
        }
    }

    @ParameterizedTest
    @MethodSource("crops")
    void cropsAsPillowDoes(String line) {
        String[] words = line.split(" ", -1);
        int size = Integer.parseInt(words[2]);
        RgbImage cropped = Images.centerCrop(pattern(Integer.parseInt(words[0]), Integer.parseInt(words[1])), size);
        assertEquals(size, cropped.width());
        assertEquals(size, cropped.height());
        assertArrayEquals(HexFormat.of().parseHex(words[3]), cropped.pixels());
    }

    @Test
    void pngKeepsPixelsAndText() throws IOException {
        RgbImage image = pattern(37, 21);
        Path file = folder.resolve("made/000000.png");
        Map<String, String> text = new LinkedHashMap<>();
        text.put("parameters", "{\"class\":\"caf\u00e9\",\"seed\":42}");
        text.put("Software", "MaskRT");
        Images.writePng(file, image, text);
        assertArrayEquals(image.pixels(), Images.decode(file).pixels());
        assertEquals(List.of("parameters\0{\"class\":\"caf\\u00e9\",\"seed\":42}", "Software\0MaskRT"), texts(file));
        byte[] first = Files.readAllBytes(file);
        Images.writePng(file, image, text);
        assertArrayEquals(first, Files.readAllBytes(file), "the same picture gives the same bytes");
        try (Stream<Path> files = Files.list(file.getParent())) {
            assertEquals(List.of(file), files.toList(), "nothing lies beside it");
        }
        Images.writePng(file, image, Map.of());
        assertEquals(List.of(), texts(file));
    }

    private static List<String> texts(Path png) throws IOException {
        List<String> texts = new ArrayList<>();
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(png)).position(8);
        while (bytes.hasRemaining()) {
            byte[] data = new byte[bytes.getInt()];
            byte[] type = new byte[4];
            bytes.get(type).get(data).getInt();
            if (new String(type, StandardCharsets.US_ASCII).equals("tEXt")) {
                texts.add(new String(data, StandardCharsets.ISO_8859_1));
            }
        }
        return texts;
    }

    @Test
    void jpegIsCloseToWhatWasSaved() throws IOException {
        BufferedImage image = new BufferedImage(40, 24, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < 40 * 24; i++) {
            image.setRGB(i % 40, i / 40, (i % 40 * 5) << 16 | (i / 40 * 9) << 8 | 80);
        }
        Path file = folder.resolve("a.jpg");
        assertTrue(ImageIO.write(image, "jpg", file.toFile()));
        byte[] pixels = Images.decode(file).pixels();
        for (int i = 0; i < 40 * 24; i++) {
            assertEquals(i % 40 * 5, Byte.toUnsignedInt(pixels[3 * i]), 24, "red of pixel " + i);
            assertEquals(i / 40 * 9, Byte.toUnsignedInt(pixels[3 * i + 1]), 24, "green of pixel " + i);
        }
    }

    @Test
    void greyLevelsStayAsTheyAre() throws IOException {
        BufferedImage grey = new BufferedImage(256, 1, BufferedImage.TYPE_BYTE_GRAY);
        byte[] expected = new byte[256 * 3];
        for (int x = 0; x < 256; x++) {
            grey.getRaster().setSample(x, 0, 0, x);
            Arrays.fill(expected, 3 * x, 3 * x + 3, (byte) x);
        }
        Path file = folder.resolve("grey.png");
        ImageIO.write(grey, "png", file.toFile());
        assertArrayEquals(expected, Images.decode(file).pixels());
    }

    @Test
    void transparencyIsDroppedAndPalettesAreLookedUp() throws IOException {
        BufferedImage alpha = new BufferedImage(2, 1, BufferedImage.TYPE_INT_ARGB);
        alpha.setRGB(0, 0, 0x000A141E);
        alpha.setRGB(1, 0, 0x80FF0102);
        Path file = folder.resolve("alpha.png");
        ImageIO.write(alpha, "png", file.toFile());
        assertArrayEquals(
                new byte[] {10, 20, 30, (byte) 255, 1, 2}, Images.decode(file).pixels());

        BufferedImage palette = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_INDEXED);
        palette.setRGB(0, 0, 0xFFFF0000);
        palette.setRGB(1, 0, 0xFF00FF00);
        ImageIO.write(palette, "png", file.toFile());
        assertArrayEquals(
                new byte[] {(byte) 255, 0, 0, 0, (byte) 255, 0},
                Images.decode(file).pixels());
    }

    @Test
    void damagedFilesAreNamed() throws IOException {
        Path file = folder.resolve("a.png");
        refuses(file, file + ": there is no such file; check the path");
        Files.writeString(file, "hello");
        String kind =
                ": not a readable image: its content is no PNG, JPEG, BMP or GIF; replace it by a whole PNG or JPEG (grey or RGB)";
        refuses(file, file + kind);
        Files.write(file, new byte[0]);
        refuses(file, file + kind);
        refuses(
                folder,
                folder
                        + ": not a readable image: it cannot be opened; replace it by a whole PNG or JPEG (grey or RGB)");

        Images.writePng(file, pattern(64, 64), Map.of());
        byte[] png = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(png, png.length / 2));
        refuses(file, file + ": not a readable image: ");

        ByteArrayOutputStream jpeg = new ByteArrayOutputStream();
        ImageIO.write(new BufferedImage(200, 200, BufferedImage.TYPE_INT_RGB), "jpg", jpeg);
        Path cut = folder.resolve("cut.jpg");
        for (int length : new int[] {10, 300, jpeg.size() - 20}) {
            Files.write(cut, Arrays.copyOf(jpeg.toByteArray(), length));
            refuses(cut, cut + ": not a readable image: ");
        }
    }

    @Test
    void absurdSizesAreRefusedBeforeDecoding() throws IOException {
        ByteBuffer header = ByteBuffer.allocate(17).put("IHDR".getBytes(StandardCharsets.US_ASCII));
        header.putInt(60000).putInt(60000).put(new byte[] {8, 2, 0, 0, 0});
        CRC32 crc = new CRC32();
        crc.update(header.array());
        ByteBuffer png =
                ByteBuffer.allocate(33).putLong(0x89504E470D0A1A0AL).putInt(13).put(header.array());
        png.putInt((int) crc.getValue());
        Path file = folder.resolve("bomb.png");
        Files.write(file, png.array());
        refuses(
                file,
                file
                        + ": not a readable image: it claims 3600000000 pixels, at most 178956970 are read; replace it by a whole PNG or "
                        + "JPEG (grey or RGB)");
    }

    private static void refuses(Path file, String start) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> Images.decode(file));
        assertEquals(
                start,
                e.getMessage()
                        .substring(0, Math.min(start.length(), e.getMessage().length())));
        assertTrue(e.getMessage().lines().count() == 1, e.getMessage());
        assertEquals(ExitCode.FAILURE, e.code());
    }

    @Test
    void unwritableFoldersAreNamed() throws IOException {
        Path notAFolder = Files.writeString(folder.resolve("file"), "");
        MaskRtException e = assertThrows(
                MaskRtException.class, () -> Images.writePng(notAFolder.resolve("a.png"), pattern(2, 2), Map.of()));
        assertTrue(e.getMessage().startsWith(notAFolder.resolve("a.png") + ": cannot be written: "), e.getMessage());
    }

    @Test
    void floatsAndBytes() {
        RgbImage levels = new RgbImage(16, 16);
        for (int i = 0; i < levels.pixels().length; i++) {
            levels.pixels()[i] = (byte) (i / 3);
        }
        float[] values = new float[5 + 3 * 256];
        levels.toFloats(values, 5);
        assertEquals(-1, values[5]);
        assertEquals(1, values[5 + 255]);
        assertEquals(1, values[values.length - 1]);
        assertArrayEquals(levels.pixels(), RgbImage.of(values, 5, 16, 16).pixels());

        assertArrayEquals(
                new int[] {0, 0, 0, 128, 255, 128, 255, 255, 255, 255, 255, 128},
                unsigned(RgbImage.of(new float[] {-7, 0, 0.999f, 7, -1, 1, 1e30f, 1, -1e30f, 0, 1, 0}, 0, 2, 2)));
    }

    private static int[] unsigned(RgbImage image) {
        int[] values = new int[image.pixels().length];
        for (int i = 0; i < values.length; i++) {
            values[i] = Byte.toUnsignedInt(image.pixels()[i]);
        }
        return values;
    }

    @Test
    void flip() {
        RgbImage image = new RgbImage(2, 2, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
        assertArrayEquals(
                new byte[] {4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9},
                image.flipHorizontally().pixels());
        RgbImage odd = pattern(7, 3);
        assertArrayEquals(
                odd.pixels(), odd.flipHorizontally().flipHorizontally().pixels());
    }

    @Test
    void refusesBytesThatDoNotFit() {
        assertEquals(
                "an image of 2 x 2 needs 12 bytes, got 11",
                assertThrows(IllegalArgumentException.class, () -> new RgbImage(2, 2, new byte[11]))
                        .getMessage());
    }
}

package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.RgbImage;

class SampleWriterTest {
    @TempDir
    Path temp;

    private static GenerationResult result(Integer... labels) {
        GenerationRequest request = GenerationRequest.of(List.of(labels))
                .with(Seeds.perImage(40))
                .with(Sampling.ddim("ddim25", 0.5))
                .with(new Guidance.Interval(new Guidance.PowerCosine(3.8, 4, 1000), 100, 900));
        List<RgbImage> images = IntStream.range(0, labels.length)
                .mapToObj(i -> {
                    RgbImage image = new RgbImage(4, 4);
                    Arrays.fill(image.pixels(), (byte) (10 * i));
                    return image;
                })
                .toList();
        return new GenerationResult(
                images,
                request.seeds().of(labels.length),
                null,
                new Timings(0, 0, 0, 0, 25, 50, null),
                new GenerationResult.Provenance(request, "shapes", "ONNX Runtime", 25, 25));
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void picturesArchiveAndGridAreWritten() throws IOException {
        Path folder = temp.resolve("a/b");
        GenerationResult result = result(3, 3, 7);
        SampleWriter.Written written = new SampleWriter(folder, false, Map.of(3, "star")).write(result);
        assertEquals(
                List.of("000000.png", "000001.png", "000002.png", "grid.png", "samples_3x4x4x3.npz"), names(folder));
        assertEquals(folder.resolve("000002.png"), written.images().get(2));
        assertArrayEquals(
                result.images().get(2).pixels(),
                Images.decode(written.images().get(2)).pixels());
        assertTrue(Files.size(written.archive()) > 3 * 4 * 4 * 3);
        RgbImage grid = Images.decode(written.grid());
        assertTrue(grid.width() > 8 && grid.height() > 8);
    }

    @Test
    void eachPictureHoldsWhatMadeIt() throws IOException {
        Path folder = temp.resolve("samples");
        new SampleWriter(folder, false, Map.of()).write(result(3, 7));
        String png = Files.readString(folder.resolve("000001.png"), StandardCharsets.ISO_8859_1);
        String expected = "{\"model\":\"shapes\",\"class_label\":7,\"seed\":41,\"index\":1,\"rng\":\"per-image\","
                + "\"sampler\":\"ddim\",\"steps\":\"ddim25\",\"eta\":0.5,"
                + "\"guidance\":{\"form\":\"power-cosine\",\"scale\":3.8,\"power\":4.0,\"interval\":[100,900],"
                + "\"channels\":\"reference\",\"skip_tolerance\":0.0},"
                + "\"backend\":\"ONNX Runtime\",\"maskrt\":\"development\"}";
        assertTrue(png.contains("parameters\0" + expected), png);
    }

    @Test
    void theSameResultGivesTheSameBytes() throws IOException {
        for (String name : List.of("one", "two")) {
            new SampleWriter(temp.resolve(name), false, Map.of()).write(result(3, 7));
        }
        for (String name : names(temp.resolve("one"))) {
            assertArrayEquals(
                    Files.readAllBytes(temp.resolve("one").resolve(name)),
                    Files.readAllBytes(temp.resolve("two").resolve(name)),
                    name);
        }
    }

    @Test
    void nothingIsReplacedUnlessAskedFor() throws IOException {
        new SampleWriter(temp, false, Map.of()).write(result(3));
        byte[] before = Files.readAllBytes(temp.resolve("000000.png"));
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> new SampleWriter(temp, false, Map.of()).write(result(7)));
        assertEquals(
                temp.resolve("000000.png") + ": there is a file already; name another folder or use --force",
                e.getMessage());
        assertEquals(ExitCode.USAGE, e.code());
        assertArrayEquals(before, Files.readAllBytes(temp.resolve("000000.png")));
        new SampleWriter(temp, true, Map.of()).write(result(7));
        assertFalse(Arrays.equals(before, Files.readAllBytes(temp.resolve("000000.png"))));
    }

    @Test
    void aPlaceThatCannotBeWrittenIsOneLineAndLeavesNothing() throws IOException {
        Path file = Files.writeString(temp.resolve("file"), "");
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> new SampleWriter(file.resolve("samples"), false, Map.of()).write(result(3)));
        assertEquals(ExitCode.FAILURE, e.code());
        assertEquals(1, e.getMessage().lines().count());
        assertTrue(e.getMessage().contains(file.toString()), e.getMessage());

        Path folder = temp.resolve("partly");
        // a folder in the way of the archive makes the writing fail after the pictures
        Files.createDirectories(folder.resolve("samples_1x4x4x3.npz/x"));
        assertThrows(MaskRtException.class, () -> new SampleWriter(folder, true, Map.of()).write(result(3)));
        assertEquals(List.of("samples_1x4x4x3.npz"), names(folder));
    }
}

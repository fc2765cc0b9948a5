package org.maskrt.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

class LatentCacheTest {
    @TempDir
    Path folder;

    private static final ImageSource SOURCE = BatchesTest.Numbered.of(10);
    private static final Shape LATENT = Shape.of(1, 1, 2);
    /** Two batches of two pictures, each of 2 kinds x 4 values and a label of 4 bytes. */
    private static final long SHARD_BYTES = 4 * 36 + 1;

    private final List<Long> progress = new ArrayList<>();

    /** One latent channel of 1 x 2: the means are the top row of the red plane, the log-variances 0 and 100. */
    private static Tensor encode(Tensor images) {
        int n = images.dim(0);
        float[] moments = new float[n * 4];
        for (int i = 0; i < n; i++) {
            moments[i * 4] = images.values()[i * 12];
            moments[i * 4 + 1] = images.values()[i * 12 + 1];
            moments[i * 4 + 2] = 0;
            moments[i * 4 + 3] = 100;
        }
        return Tensor.of(moments, n, 2, 1, 2);
    }

    private LatentCache open(boolean mirror, String origin) {
        LatentCache.Layout layout = new LatentCache.Layout(LATENT, mirror, 2, SHARD_BYTES, origin);
        return LatentCache.open(folder, layout, SOURCE, LatentCacheTest::encode, progress::add);
    }

    @Test
    void drawsMeanPlusDeviationTimesNoise() {
        try (LatentCache cache = open(true, "ten pictures")) {
            assertEquals(List.of(2L, 4L, 6L, 8L, 10L), progress);
            assertEquals(10, cache.count());
            BatchOrder order = new BatchOrder(10, 4, 9);
            for (long step = 0; step < 6; step++) {
                Batch batch = cache.draw(order, step, new Random(step));
                Random noise = new Random(step);
                for (int row = 0; row < 4; row++) {
                    long index = order.index(step, row);
                    int left = order.mirrored(step, row) ? 1 : 0;
                    assertEquals(index % 3, batch.labels()[row]);
                    assertEquals((float) (index * 100 + left + noise.nextGaussian()), batch.values()[row * 2]);
                    assertEquals(
                            (float) (index * 100 + 1 - left + Math.exp(10) * noise.nextGaussian()),
                            batch.values()[row * 2 + 1]);
                }
                assertArrayEquals(
                        batch.values(),
                        cache.draw(order, step, new Random(step)).values());
            }
        }
    }

    @Test
    void shardsAreBoundedAndEncodedOnce() throws IOException {
        List<Path> files;
        float[] before;
        BatchOrder order = new BatchOrder(10, 10, 9);
        try (LatentCache cache = open(true, "ten pictures")) {
            files = cache.files();
            before = cache.draw(order, 0, new Random(0)).values();
        }
        assertEquals(
                List.of(
                        "latents-00001-of-00003.safetensors",
                        "latents-00002-of-00003.safetensors",
                        "latents-00003-of-00003.safetensors"),
                files.stream().map(file -> file.getFileName().toString()).toList());
        for (Path file : files) {
            assertTrue(Files.size(file) < SHARD_BYTES + 600, file + " has " + Files.size(file) + " bytes");
        }
        Files.delete(files.get(1));
        progress.clear();
        try (LatentCache cache = open(true, "ten pictures")) {
            // the second shard in two batches, the others as they are
            assertEquals(List.of(4L, 6L, 8L, 10L), progress);
            assertArrayEquals(before, cache.draw(order, 0, new Random(0)).values());
        }
    }

    @Test
    void refusesWhatItDoesNotHold() {
        open(false, "ten pictures").close();
        Path first = folder.resolve("latents-00001-of-00002.safetensors");
        assertEquals(
                first + ": expected the latents of 6 samples of other pictures, got those of ten pictures; delete the"
                        + " folder to have them encoded anew",
                assertThrows(MaskRtException.class, () -> open(false, "other pictures"))
                        .getMessage());
        try (LatentCache cache = open(false, "ten pictures")) {
            assertEquals(
                    "latent cache: expected an order over its 10 pictures, got one over 9",
                    assertThrows(
                                    IllegalArgumentException.class,
                                    () -> cache.draw(new BatchOrder(9, 4, 9), 0, new Random(0)))
                            .getMessage());
        }
        LatentCache.Layout layout = new LatentCache.Layout(LATENT, false, 4, 1, "ten pictures");
        assertEquals(
                "latent cache: expected moments [4,2,1,2] of the encoder, got [4,3,2,2]; give it one of these sizes",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> LatentCache.open(
                                        folder.resolve("other"), layout, SOURCE, images -> images, progress::add))
                        .getMessage());
    }
}

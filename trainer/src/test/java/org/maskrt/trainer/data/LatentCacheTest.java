package org.maskrt.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

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

    @Test
    void drawsMeanPlusDeviationTimesNoise() {
        List<Long> progress = new ArrayList<>();
        LatentCache cache = LatentCache.encode(SOURCE, true, 4, LatentCacheTest::encode, progress::add);
        assertEquals(List.of(4L, 8L, 10L), progress);
        assertEquals(10, cache.count());
        assertEquals(Shape.of(1, 1, 2), cache.latentShape());
        BatchOrder order = new BatchOrder(10, 4, 9);
        for (long step = 0; step < 6; step++) {
            Batch batch = cache.draw(order, true, step, new Random(step));
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
                    cache.draw(order, true, step, new Random(step)).values());
        }
    }

    @Test
    void savedCacheDrawsTheSame() {
        Path file = folder.resolve("latents.safetensors");
        LatentCache cache = LatentCache.encode(SOURCE, true, 4, LatentCacheTest::encode, done -> {});
        cache.save(file, "ten pictures");
        LatentCache back = LatentCache.open(file, "ten pictures");
        BatchOrder order = new BatchOrder(10, 5, 9);
        for (long step = 0; step < 4; step++) {
            Batch expected = cache.draw(order, true, step, new Random(step));
            Batch got = back.draw(order, true, step, new Random(step));
            assertArrayEquals(expected.values(), got.values(), "latents of step " + step);
            assertArrayEquals(expected.labels(), got.labels(), "labels of step " + step);
        }
        assertEquals(
                file
                        + ": expected the latents of other pictures, got those of ten pictures; delete the file to have them"
                        + " encoded anew",
                assertThrows(MaskRtException.class, () -> LatentCache.open(file, "other pictures"))
                        .getMessage());
    }

    @Test
    void refusesWhatItDoesNotHold() {
        LatentCache cache = LatentCache.encode(SOURCE, false, 4, LatentCacheTest::encode, done -> {});
        assertEquals(
                "latent cache: expected an order over its 10 pictures without mirror images, got one over 10 with them; encode"
                        + " the cache for these settings",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> cache.draw(new BatchOrder(10, 4, 9), true, 0, new Random(0)))
                        .getMessage());
        assertEquals(
                "latent cache: expected moments [4,2C,h,w] of the encoder, got [4,3,2,2]; give it an autoencoder's encode",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> LatentCache.encode(SOURCE, false, 4, images -> images, done -> {}))
                        .getMessage());
    }
}

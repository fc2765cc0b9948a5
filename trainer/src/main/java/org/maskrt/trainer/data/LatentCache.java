package org.maskrt.trainer.data;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.random.RandomGenerator;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/**
 * The autoencoder's view of each picture, computed once: the mean and log-variance of its latents, and those of its mirror image where
 * mirroring is wanted. Latents are drawn from them anew at each step.
 *
 * <p>They lie in {@link Shards}, each with {@code labels} [n,1], {@code moments} [n,2C,h,w] and, of the mirror images, {@code mirrored}
 * [n,2C,h,w]. Safe for use by several threads.
 */
public final class LatentCache implements AutoCloseable {
    /** Pictures to moments. */
    @FunctionalInterface
    public interface Encoder {
        /** {@code [b,3,S,S]} in [-1,1] to {@code [b,2C,h,w]}: C means, then C log-variances. */
        Tensor encode(Tensor images);
    }

    /**
     * What a cache holds, and how.
     *
     * @param latent the shape of one latent, {@code [C,h,w]}
     * @param mirror whether the mirror images are encoded too
     * @param batchSize pictures that are encoded at once
     * @param shardBytes the most that the latents of one file take, if a batch takes less
     * @param origin in words or digests, everything that the latents depend on: the pictures and the autoencoder
     */
    public record Layout(Shape latent, boolean mirror, int batchSize, long shardBytes, String origin) {
        private Shards.Layout of(long count) {
            Map<String, Shape> items = new LinkedHashMap<>();
            items.put(LABELS, Shape.of(1));
            for (String kind : mirror ? List.of(PLAIN, MIRRORED) : List.of(PLAIN)) {
                items.put(kind, latent.with(0, 2 * latent.dim(0)));
            }
            return new Shards.Layout(items, count, batchSize, shardBytes, origin);
        }
    }

    private static final String LABELS = "labels";
    private static final String PLAIN = "moments";
    private static final String MIRRORED = "mirrored";

    private final Layout layout;
    private final Shards shards;

    private LatentCache(Layout layout, Shards shards) {
        this.layout = layout;
        this.shards = shards;
    }

    /**
     * Opens the cache of a source, after encoding what is not there yet.
     *
     * @param folder of the files
     * @param source the pictures
     * @param encoder the autoencoder
     * @param progress told after each batch how many pictures are done
     * @throws MaskRtException if a file cannot be read or written, or was made from something else
     */
    public static LatentCache open(
            Path folder, Layout layout, ImageSource source, Encoder encoder, LongConsumer progress) {
        Shards shards = Shards.open(
                folder,
                layout.of(source.count()),
                (from, count) -> encode(layout.mirror(), source, from, count, encoder),
                progress);
        return new LatentCache(layout, shards);
    }

    private static Map<String, Tensor> encode(
            boolean mirror, ImageSource source, long from, int count, Encoder encoder) {
        int side = source.size();
        int length = 3 * side * side;
        float[] labels = new float[count];
        float[] images = new float[Math.multiplyExact(count, length)];
        for (int i = 0; i < count; i++) {
            Sample sample = source.get(from + i);
            labels[i] = sample.label();
            System.arraycopy(sample.chw(), 0, images, i * length, length);
        }
        Map<String, Tensor> encoded = new HashMap<>();
        encoded.put(LABELS, Tensor.of(labels, count, 1));
        encoded.put(PLAIN, encoder.encode(Tensor.of(images, count, 3, side, side)));
        if (mirror) {
            Batches.mirror(images, 0, images.length, side);
            encoded.put(MIRRORED, encoder.encode(Tensor.of(images, count, 3, side, side)));
        }
        return encoded;
    }

    /** The number of pictures. */
    public long count() {
        return shards.count();
    }

    /** The files, in order. */
    public List<Path> files() {
        return shards.files();
    }

    /**
     * The latents of a step, {@code [B,C,h,w]}: {@link #sample} of the mean and log-variance, not multiplied by any scaling factor.
     *
     * @param order the order, over {@code count()} pictures
     * @param step the step, from 0
     * @param noise the source of the noise: B*C*h*w Gaussian numbers are taken in row-major order
     */
    public Batch draw(BatchOrder order, long step, RandomGenerator noise) {
        if (order.count() != count()) {
            throw new IllegalArgumentException(
                    "latent cache: expected an order over its " + count() + " pictures, got one over " + order.count());
        }
        int length = layout.latent().size();
        float[] values = new float[Math.multiplyExact(order.batchSize(), length)];
        long[] labels = new long[order.batchSize()];
        for (int row = 0; row < order.batchSize(); row++) {
            long index = order.index(step, row);
            labels[row] = (long) shards.read(LABELS, index).values()[0];
            String kind = layout.mirror() && order.mirrored(step, row) ? MIRRORED : PLAIN;
            sample(shards.read(kind, index).values(), noise, values, row * length);
        }
        return new Batch(step, values, labels);
    }

    /**
     * Writes a latent into {@code out}, from {@code at} on: mean + exp(logvar / 2) * noise, the log-variance clamped to [-30, 20].
     *
     * @param moments the means, then as many log-variances
     */
    public static void sample(float[] moments, RandomGenerator noise, float[] out, int at) {
        int length = moments.length / 2;
        for (int i = 0; i < length; i++) {
            double logVariance = Math.max(-30, Math.min(20, moments[length + i]));
            out[at + i] = (float) (moments[i] + Math.exp(0.5 * logVariance) * noise.nextGaussian());
        }
    }

    /** Unmaps the files. */
    @Override
    public void close() {
        shards.close();
    }
}

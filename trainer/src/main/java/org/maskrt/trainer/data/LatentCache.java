package org.maskrt.trainer.data;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.random.RandomGenerator;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/**
 * The autoencoder's view of each picture, computed once: the mean and log-variance of its latents, and those of its mirror
 * image where mirroring is wanted. Latents are drawn from them anew at each step.
 */
public final class LatentCache {
    /** Pictures to moments. */
    @FunctionalInterface
    public interface Encoder {
        /** {@code [b,3,S,S]} in [-1,1] to {@code [b,2C,h,w]}: C means, then C log-variances. */
        Tensor encode(Tensor images);
    }

    private final List<Tensor> plain;
    private final List<Tensor> mirrored;
    private final long[] labels;

    private LatentCache(List<Tensor> plain, List<Tensor> mirrored, long[] labels) {
        this.plain = plain;
        this.mirrored = mirrored;
        this.labels = labels;
    }

    /**
     * Encodes every picture of a source.
     *
     * @param source the pictures
     * @param mirror whether the mirror images are encoded too
     * @param batchSize pictures that are encoded at once
     * @param encoder the autoencoder
     * @param progress told after each batch how many pictures are done
     */
    public static LatentCache encode(
            ImageSource source, boolean mirror, int batchSize, Encoder encoder, LongConsumer progress) {
        int side = source.size();
        int length = 3 * side * side;
        long[] labels = new long[Math.toIntExact(source.count())];
        List<Tensor> plain = new ArrayList<>();
        List<Tensor> mirrored = new ArrayList<>();
        for (int from = 0; from < labels.length; from += batchSize) {
            int n = Math.min(batchSize, labels.length - from);
            float[] images = new float[Math.multiplyExact(n, length)];
            for (int i = 0; i < n; i++) {
                Sample sample = source.get(from + i);
                labels[from + i] = sample.label();
                System.arraycopy(sample.chw(), 0, images, i * length, length);
            }
            plain.add(moments(encoder, images, n, side));
            if (mirror) {
                Batches.mirror(images, 0, images.length, side);
                mirrored.add(moments(encoder, images, n, side));
            }
            progress.accept(from + n);
        }
        return new LatentCache(plain, mirrored, labels);
    }

    private static Tensor moments(Encoder encoder, float[] images, int n, int side) {
        Tensor moments = encoder.encode(Tensor.of(images, n, 3, side, side));
        Shape shape = moments.shape();
        if (shape.rank() != 4 || shape.dim(0) != n || shape.dim(1) % 2 != 0) {
            throw new IllegalArgumentException("latent cache: expected moments [" + n + ",2C,h,w] of the encoder, got "
                    + shape + "; give it an autoencoder's encode");
        }
        return moments;
    }

    /** The number of pictures. */
    public long count() {
        return labels.length;
    }

    /** The shape of one latent, {@code [C,h,w]}. */
    public Shape latentShape() {
        Shape s = plain.get(0).shape();
        return Shape.of(s.dim(1) / 2, s.dim(2), s.dim(3));
    }

    /**
     * The latents of a step, {@code [B,C,h,w]}: mean + exp(logvar / 2) * noise, the log-variance clamped to [-30, 20], not
     * multiplied by any scaling factor.
     *
     * @param order the order, over {@code count()} pictures
     * @param mirror whether half of the pictures are mirrored; needs a cache that was encoded with their mirror images
     * @param step the step, from 0
     * @param noise the source of the noise: B*C*h*w Gaussian numbers are taken in row-major order
     */
    public Batch draw(BatchOrder order, boolean mirror, long step, RandomGenerator noise) {
        if (order.count() != labels.length || (mirror && mirrored.isEmpty())) {
            throw new IllegalArgumentException("latent cache: expected an order over its " + labels.length + " pictures"
                    + (mirrored.isEmpty() ? " without mirror images" : "") + ", got one over " + order.count()
                    + (mirror ? " with them" : "") + "; encode the cache for these settings");
        }
        int length = latentShape().size();
        int chunk = plain.get(0).dim(0);
        float[] values = new float[Math.multiplyExact(order.batchSize(), length)];
        long[] rowLabels = new long[order.batchSize()];
        for (int row = 0; row < order.batchSize(); row++) {
            int index = (int) order.index(step, row);
            rowLabels[row] = labels[index];
            List<Tensor> from = mirror && order.mirrored(step, row) ? mirrored : plain;
            float[] moments = from.get(index / chunk).values();
            int mean = index % chunk * 2 * length;
            for (int i = 0; i < length; i++) {
                double logVariance = Math.max(-30, Math.min(20, moments[mean + length + i]));
                values[row * length + i] =
                        (float) (moments[mean + i] + Math.exp(0.5 * logVariance) * noise.nextGaussian());
            }
        }
        Shape s = latentShape();
        return new Batch(
                step,
                Tensor.of(values, order.batchSize(), s.dim(0), s.dim(1), s.dim(2)),
                Tensor.ofIndices(rowLabels, order.batchSize()));
    }
}

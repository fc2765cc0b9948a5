package org.maskrt.trainer.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.random.RandomGenerator;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.Weights;

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

    private static final String ORIGIN = "origin";
    private static final String LABELS = "labels";
    private static final String PLAIN = "moments.";
    private static final String MIRRORED = "mirrored.";

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

    /**
     * Writes the cache as a safetensors file: {@code labels}, {@code moments.0}, {@code moments.1} and so on, the same of the
     * mirror images under {@code mirrored}.
     *
     * @param file where to
     * @param origin in words or digests, everything that the moments depend on: the pictures and the autoencoder
     * @throws MaskRtException if it cannot be written
     */
    public void save(Path file, String origin) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put(LABELS, Tensor.ofIndices(labels, labels.length));
        for (int i = 0; i < plain.size(); i++) {
            tensors.put(PLAIN + i, plain.get(i));
        }
        for (int i = 0; i < mirrored.size(); i++) {
            tensors.put(MIRRORED + i, mirrored.get(i));
        }
        SafeTensors.write(file, Weights.of("the latent cache", tensors), DType.F32, Map.of(ORIGIN, origin));
    }

    /**
     * Reads a cache that was saved.
     *
     * @param file the safetensors file
     * @param origin as it was given when the cache was saved
     * @throws MaskRtException if the file cannot be read, is not such a cache, or was made from something else
     */
    public static LatentCache open(Path file, String origin) {
        try (SafeTensors saved = SafeTensors.open(file)) {
            String have = saved.metadata().getOrDefault(ORIGIN, "something else");
            if (!have.equals(origin) || !saved.keys().contains(PLAIN + 0)) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        file + ": expected the latents of " + origin + ", got those of " + have
                                + "; delete the file to have them encoded anew");
            }
            return new LatentCache(
                    tensors(saved, PLAIN),
                    tensors(saved, MIRRORED),
                    saved.tensor(LABELS).indices());
        }
    }

    private static List<Tensor> tensors(Weights saved, String prefix) {
        List<Tensor> tensors = new ArrayList<>();
        while (saved.keys().contains(prefix + tensors.size())) {
            tensors.add(saved.tensor(prefix + tensors.size()));
        }
        return tensors;
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
        return new Batch(step, values, rowLabels);
    }
}

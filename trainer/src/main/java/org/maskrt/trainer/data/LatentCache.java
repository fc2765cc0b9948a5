package org.maskrt.trainer.data;

import java.nio.file.Files;
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
 * The autoencoder's view of each picture, computed once: the mean and log-variance of its latents, and those of its mirror image where
 * mirroring is wanted. Latents are drawn from them anew at each step.
 *
 * <p>They lie in a folder of safetensors files of bounded size, {@code latents-00001-of-0000N.safetensors} and so on, each with {@code labels}
 * [n], {@code moments} [n,2C,h,w] and, of the mirror images, {@code mirrored} [n,2C,h,w]. The files are memory-mapped, so a data set may be
 * larger than the heap, and those that are there are not encoded again. Safe for use by several threads.
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
     * @param shardBytes the most that the moments of one file take, if a batch takes less
     * @param origin in words or digests, everything that the moments depend on: the pictures and the autoencoder
     */
    public record Layout(Shape latent, boolean mirror, int batchSize, long shardBytes, String origin) {
        private int shardPictures() {
            long picture = 2L * latent.size() * Float.BYTES * (mirror ? 2 : 1);
            return Math.toIntExact(Math.max(1, shardBytes / picture / batchSize) * batchSize);
        }

        private Shape moments(int pictures) {
            return Shape.of(pictures, 2 * latent.dim(0), latent.dim(1), latent.dim(2));
        }
    }

    private static final String ORIGIN = "origin";
    private static final String LABELS = "labels";
    private static final String PLAIN = "moments";
    private static final String MIRRORED = "mirrored";

    private final Layout layout;
    private final long count;
    private final List<SafeTensors> shards = new ArrayList<>();
    private final List<long[]> labels = new ArrayList<>();

    private LatentCache(Layout layout, long count) {
        this.layout = layout;
        this.count = count;
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
        LatentCache cache = new LatentCache(layout, source.count());
        int most = layout.shardPictures();
        long files = (source.count() + most - 1) / most;
        try {
            for (long k = 0; k < files; k++) {
                Path file = folder.resolve(String.format("latents-%05d-of-%05d.safetensors", k + 1, files));
                long from = k * most;
                int pictures = (int) Math.min(most, source.count() - from);
                if (Files.exists(file)) {
                    progress.accept(from + pictures);
                } else {
                    SafeTensors.write(
                            file,
                            Weights.of("the latent cache", encode(layout, source, from, pictures, encoder, progress)),
                            DType.F32,
                            Map.of(ORIGIN, layout.origin()));
                }
                cache.add(file, pictures);
            }
            return cache;
        } catch (RuntimeException e) {
            cache.close();
            throw e;
        }
    }

    private static Map<String, Tensor> encode(
            Layout layout, ImageSource source, long from, int pictures, Encoder encoder, LongConsumer progress) {
        int side = source.size();
        int length = 3 * side * side;
        int moments = 2 * layout.latent().size();
        long[] labels = new long[pictures];
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put(LABELS, Tensor.ofIndices(labels, pictures));
        tensors.put(PLAIN, Tensor.of(new float[pictures * moments], layout.moments(pictures)));
        if (layout.mirror()) {
            tensors.put(MIRRORED, Tensor.of(new float[pictures * moments], layout.moments(pictures)));
        }
        for (int at = 0; at < pictures; at += layout.batchSize()) {
            int n = Math.min(layout.batchSize(), pictures - at);
            float[] images = new float[Math.multiplyExact(n, length)];
            for (int i = 0; i < n; i++) {
                Sample sample = source.get(from + at + i);
                labels[at + i] = sample.label();
                System.arraycopy(sample.chw(), 0, images, i * length, length);
            }
            int offset = at * moments;
            tensors.forEach((kind, target) -> {
                if (kind.equals(MIRRORED)) {
                    Batches.mirror(images, 0, images.length, side);
                }
                if (!kind.equals(LABELS)) {
                    Tensor encoded = encoder.encode(Tensor.of(images, n, 3, side, side));
                    if (!encoded.shape().equals(layout.moments(n))) {
                        throw new IllegalArgumentException("latent cache: expected moments " + layout.moments(n)
                                + " of the encoder, got " + encoded.shape() + "; give it an autoencoder's encode");
                    }
                    System.arraycopy(encoded.values(), 0, target.values(), offset, n * moments);
                }
            });
            progress.accept(from + at + n);
        }
        return tensors;
    }

    private void add(Path file, int pictures) {
        SafeTensors shard = SafeTensors.open(file);
        shards.add(shard);
        String have = shard.metadata().getOrDefault(ORIGIN, "something else");
        boolean fits = have.equals(layout.origin())
                && holds(shard, PLAIN, pictures)
                && (!layout.mirror() || holds(shard, MIRRORED, pictures))
                && shard.keys().contains(LABELS);
        if (!fits) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    file + ": expected the latents of " + pictures + " pictures of " + layout.origin()
                            + ", got those of " + have + "; delete the folder to have them encoded anew");
        }
        labels.add(shard.tensor(LABELS).indices());
    }

    private boolean holds(SafeTensors shard, String key, int pictures) {
        return shard.keys().contains(key) && shard.shape(key).equals(layout.moments(pictures));
    }

    /** The number of pictures. */
    public long count() {
        return count;
    }

    /** The files, in order. */
    public List<Path> files() {
        return shards.stream().flatMap(shard -> shard.files().stream()).toList();
    }

    /**
     * The latents of a step, {@code [B,C,h,w]}: mean + exp(logvar / 2) * noise, the log-variance clamped to [-30, 20], not
     * multiplied by any scaling factor.
     *
     * @param order the order, over {@code count()} pictures
     * @param step the step, from 0
     * @param noise the source of the noise: B*C*h*w Gaussian numbers are taken in row-major order
     */
    public Batch draw(BatchOrder order, long step, RandomGenerator noise) {
        if (order.count() != count) {
            throw new IllegalArgumentException(
                    "latent cache: expected an order over its " + count + " pictures, got one over " + order.count());
        }
        int length = layout.latent().size();
        int perShard = layout.shardPictures();
        float[] values = new float[Math.multiplyExact(order.batchSize(), length)];
        long[] rowLabels = new long[order.batchSize()];
        float[] moments = new float[2 * length];
        for (int row = 0; row < order.batchSize(); row++) {
            long index = order.index(step, row);
            int shard = (int) (index / perShard);
            int at = (int) (index % perShard);
            rowLabels[row] = labels.get(shard)[at];
            String kind = layout.mirror() && order.mirrored(step, row) ? MIRRORED : PLAIN;
            shards.get(shard).read(kind, at * 2 * length, moments, 2 * length);
            for (int i = 0; i < length; i++) {
                double logVariance = Math.max(-30, Math.min(20, moments[length + i]));
                values[row * length + i] = (float) (moments[i] + Math.exp(0.5 * logVariance) * noise.nextGaussian());
            }
        }
        return new Batch(step, values, rowLabels);
    }

    /** Unmaps the files. */
    @Override
    public void close() {
        shards.forEach(SafeTensors::close);
    }
}

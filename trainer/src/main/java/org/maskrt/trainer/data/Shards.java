package org.maskrt.trainer.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.Weights;

/**
 * Tensors that are computed once for each sample of a data set, in a folder of safetensors files of bounded size, {@code
 * latents-00001-of-0000N.safetensors} and so on. The files are memory-mapped, so a data set may be larger than the heap, and those that are
 * there are not computed again. Safe for use by several threads.
 */
public final class Shards implements AutoCloseable {
    /** Computes the tensors of some samples. */
    @FunctionalInterface
    public interface Encoder {
        /** The tensors of samples {@code from} to {@code from + count} by name, each [count,...]. */
        Map<String, Tensor> encode(long from, int count);
    }

    /**
     * What the files hold, and how.
     *
     * @param items the tensors of a sample: their shapes by name
     * @param count the number of samples
     * @param batchSize samples that are computed at once
     * @param shardBytes the most that one file's tensors take, if a batch takes less
     * @param origin in words or digests, everything that the tensors depend on
     */
    public record Layout(Map<String, Shape> items, long count, int batchSize, long shardBytes, String origin) {
        /** Keeps the order of the items. */
        public Layout {
            items = new LinkedHashMap<>(items);
        }

        private int perShard() {
            long sample = items.values().stream().mapToLong(Shape::size).sum() * Float.BYTES;
            return Math.toIntExact(Math.max(1, shardBytes / sample / batchSize) * batchSize);
        }
    }

    private static final String ORIGIN = "origin";

    private final Layout layout;
    private final List<SafeTensors> files = new ArrayList<>();

    private Shards(Layout layout) {
        this.layout = layout;
    }

    /**
     * Opens a folder, after computing what is not there yet.
     *
     * @param progress told after each batch how many samples are done
     * @throws MaskRtException if a file cannot be read or written, or was made from something else
     */
    public static Shards open(Path folder, Layout layout, Encoder encoder, LongConsumer progress) {
        Shards shards = new Shards(layout);
        int most = layout.perShard();
        long count = (layout.count() + most - 1) / most;
        try {
            for (long k = 0; k < count; k++) {
                Path file = folder.resolve(String.format("latents-%05d-of-%05d.safetensors", k + 1, count));
                long from = k * most;
                int samples = (int) Math.min(most, layout.count() - from);
                if (Files.exists(file)) {
                    progress.accept(from + samples);
                } else {
                    Map<String, Tensor> tensors = encode(layout, from, samples, encoder, progress);
                    SafeTensors.write(
                            file, Weights.of(file.toString(), tensors), DType.F32, Map.of(ORIGIN, layout.origin()));
                }
                shards.add(file, samples);
            }
            return shards;
        } catch (RuntimeException e) {
            shards.close();
            throw e;
        }
    }

    private static Map<String, Tensor> encode(
            Layout layout, long first, int samples, Encoder encoder, LongConsumer progress) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        layout.items()
                .forEach((name, shape) ->
                        tensors.put(name, Tensor.of(new float[samples * shape.size()], many(shape, samples))));
        for (int at = 0; at < samples; at += layout.batchSize()) {
            int n = Math.min(layout.batchSize(), samples - at);
            Map<String, Tensor> part = encoder.encode(first + at, n);
            for (Map.Entry<String, Shape> item : layout.items().entrySet()) {
                String name = item.getKey();
                Tensor values = part.get(name);
                Tensor all = tensors.get(name);
                Shape wanted = many(item.getValue(), n);
                if (values == null || all == null || !values.shape().equals(wanted)) {
                    throw new IllegalArgumentException("latent cache: expected " + name + " " + wanted
                            + " of the encoder, got " + (values == null ? "none" : values.shape())
                            + "; give it one of these sizes");
                }
                System.arraycopy(
                        values.values(), 0, all.values(), at * item.getValue().size(), values.size());
            }
            progress.accept(first + at + n);
        }
        return tensors;
    }

    private static Shape many(Shape one, int count) {
        int[] dims = new int[one.rank() + 1];
        dims[0] = count;
        System.arraycopy(one.dims(), 0, dims, 1, one.rank());
        return Shape.of(dims);
    }

    private void add(Path path, int samples) {
        SafeTensors file = SafeTensors.open(path);
        files.add(file);
        String have = file.metadata().getOrDefault(ORIGIN, "something else");
        boolean fits = have.equals(layout.origin())
                && layout.items().entrySet().stream()
                        .allMatch(item -> file.keys().contains(item.getKey())
                                && file.shape(item.getKey()).equals(many(item.getValue(), samples)));
        if (!fits) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    path + ": expected the latents of " + samples + " samples of " + layout.origin() + ", got those of "
                            + have + "; delete the folder to have them encoded anew");
        }
    }

    /** The number of samples. */
    public long count() {
        return layout.count();
    }

    /** The files, in order. */
    public List<Path> files() {
        return files.stream().flatMap(file -> file.files().stream()).toList();
    }

    /**
     * The tensor of that name of some samples, one below the other.
     *
     * @param indices in [0, {@link #count})
     */
    public Tensor read(String name, long... indices) {
        Shape shape = layout.items().get(name);
        if (shape == null) {
            throw new IllegalArgumentException(
                    "latent cache: expected one of " + layout.items().keySet() + ", got " + name);
        }
        int perShard = layout.perShard();
        int length = shape.size();
        float[] all = new float[Math.multiplyExact(indices.length, length)];
        float[] one = new float[length];
        for (int i = 0; i < indices.length; i++) {
            int at = (int) (indices[i] % perShard) * length;
            files.get((int) (indices[i] / perShard)).read(name, at, one, length);
            System.arraycopy(one, 0, all, i * length, length);
        }
        return Tensor.of(all, many(shape, indices.length));
    }

    /** Unmaps the files. */
    @Override
    public void close() {
        files.forEach(SafeTensors::close);
    }
}

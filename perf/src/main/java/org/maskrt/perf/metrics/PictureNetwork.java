package org.maskrt.perf.metrics;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.ForeignGraph;
import org.maskrt.runtime.OrtCpuBackend;

/** An ONNX graph that takes batches of pictures, [n,3,H,W] or [n,H,W,3], whichever its inputs say. */
final class PictureNetwork implements AutoCloseable {
    private static final int CHANNELS = 3;

    private final Path file;
    private final PixelRange range;
    private final ForeignGraph graph;
    private final List<String> inputs;
    private final Shape shape;

    /**
     * Opens a graph.
     *
     * @param batches how many inputs it must have, each of a batch of pictures
     * @param threads of ONNX Runtime; 0 for one per core
     * @throws MaskRtException if it cannot be opened, or takes something else
     */
    PictureNetwork(Path file, PixelRange range, int batches, int threads) {
        this.file = file;
        this.range = range;
        try (OrtCpuBackend backend = new OrtCpuBackend(threads)) {
            this.graph = backend.openForeign(file);
        }
        Map<String, Shape> has = graph.inputs();
        this.inputs = List.copyOf(has.keySet());
        if (has.size() != batches || !has.values().stream().allMatch(PictureNetwork::takesPictures)) {
            graph.close();
            throw new MaskRtException(
                    ExitCode.USAGE,
                    file + ": expected " + (batches == 1 ? "one fp32 input" : batches + " fp32 inputs")
                            + " [n,3,H,W] or [n,H,W,3], the graph has " + has + "; export it that way");
        }
        this.shape = has.values().iterator().next();
    }

    private static boolean takesPictures(Shape shape) {
        return shape.rank() == 4 && (shape.dim(1) == CHANNELS || shape.dim(3) == CHANNELS || shape.dim(1) < 0);
    }

    /** Its outputs, with -1 for every length that is not fixed. */
    Map<String, Shape> outputs() {
        return graph.outputs();
    }

    /** The most pictures of one run: what the graph fixes, or else {@code wanted}. */
    int batch(int wanted) {
        return shape.dim(0) > 0 ? shape.dim(0) : wanted;
    }

    /** Whether pictures go in as [n,H,W,3]. */
    boolean isChannelsLast() {
        return shape.dim(1) != CHANNELS && shape.dim(3) == CHANNELS;
    }

    /** The height that the graph fixes; negative if it takes any. */
    int height() {
        return shape.dim(isChannelsLast() ? 1 : 2);
    }

    /** The width that the graph fixes; negative if it takes any. */
    int width() {
        return shape.dim(isChannelsLast() ? 2 : 3);
    }

    /**
     * The outputs for some pictures.
     *
     * @param batches one list for each input, of pictures of one size, {@link #batch} of them at the most
     * @return outputs by name, a row for each picture
     * @throws MaskRtException if the graph fixes another size, or an output has no row for each picture
     */
    Map<String, Tensor> run(List<List<RgbImage>> batches, Set<String> wanted) {
        Map<String, Tensor> values = new LinkedHashMap<>();
        int rows = batches.get(0).size();
        for (int i = 0; i < batches.size(); i++) {
            values.put(inputs.get(i), pack(batches.get(i)));
        }
        Map<String, Tensor> results = new LinkedHashMap<>();
        graph.run(values, wanted).forEach((name, result) -> {
            if (result.shape().rank() < 1 || result.dim(0) < rows) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        file + ": expected a row of '" + name + "' for each of " + rows + " pictures, received "
                                + result.shape() + "; export the graph without a reduction over the batch");
            }
            results.put(name, result.rows(0, rows));
        });
        return results;
    }

    private Tensor pack(List<RgbImage> images) {
        RgbImage first = images.get(0);
        if ((height() > 0 && height() != first.height()) || (width() > 0 && width() != first.width())) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    file + ": expected pictures of " + width() + " x " + height() + " pixels, received "
                            + first.width() + " x " + first.height()
                            + "; export the graph for any size with its resizing inside, or crop the pictures with --size");
        }
        int plane = first.width() * first.height();
        int rows = Math.max(images.size(), batch(0));
        boolean last = isChannelsLast();
        float[] values = new float[Math.multiplyExact(rows, plane * CHANNELS)];
        for (int n = 0; n < images.size(); n++) {
            byte[] pixels = images.get(n).pixels();
            int at = n * plane * CHANNELS;
            for (int i = 0; i < plane; i++) {
                for (int c = 0; c < CHANNELS; c++) {
                    values[at + (last ? i * CHANNELS + c : c * plane + i)] = range.of(pixels[i * CHANNELS + c], c);
                }
            }
        }
        return last
                ? Tensor.of(values, rows, first.height(), first.width(), CHANNELS)
                : Tensor.of(values, rows, CHANNELS, first.height(), first.width());
    }

    MaskRtException refused(String expected, Shape received) {
        return new MaskRtException(
                ExitCode.USAGE, file + ": expected " + expected + ", received " + received + "; export it that way");
    }

    MaskRtException notFinite() {
        return new MaskRtException(
                ExitCode.NOT_FINITE,
                file + ": expected finite numbers, received NaN or infinity; check the pictures and the graph");
    }

    @Override
    public void close() {
        graph.close();
    }
}

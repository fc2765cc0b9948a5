package org.maskrt.perf.metrics;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleBiFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/** The metrics of pictures that belong together: of one name in two folders, or of one place where there are no names. */
final class Pairs {
    private static final int AT_ONCE = 16;

    /** What our own image encoders call the feature of a whole picture. */
    private static final String CLASS_TOKEN = "class_token";

    private final EvaluationSet reference;
    private final EvaluationSet samples;
    private final Pictures first;
    private final Pictures second;

    /** @throws MaskRtException if the pictures do not pair up */
    Pairs(EvaluationSet reference, EvaluationSet samples) {
        this.reference = reference;
        this.samples = samples;
        this.first = pictures(reference);
        this.second = pictures(samples);
        if (!first.names().isEmpty() && !second.names().isEmpty()) {
            requireNames(reference, samples);
            requireNames(samples, reference);
        }
        if (first.count() != second.count()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    samples.path() + ": expected as many pictures as " + reference.path() + " has, " + first.count()
                            + ", received " + second.count() + "; pairs need one each");
        }
    }

    private static Pictures pictures(EvaluationSet set) {
        Pictures pictures = set.pictures();
        if (pictures == null) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    set.path() + ": expected pictures to compare one by one, found features or statistics only; name a"
                            + " folder, or an archive with arr_0");
        }
        return pictures;
    }

    private static void requireNames(EvaluationSet wanted, EvaluationSet having) {
        List<String> missing = new ArrayList<>(pictures(wanted).names());
        missing.removeAll(Set.copyOf(pictures(having).names()));
        if (!missing.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    having.path() + ": expected the names of " + wanted.path() + ", missing " + missing.size()
                            + " such as '" + missing.get(0) + "'; pairs have one name");
        }
    }

    /** How many pairs there are. */
    int count() {
        return first.count();
    }

    /** Means over all pairs of the metrics that the networks and {@code wanted} give. */
    Map<Metric, Double> compare(
            Set<Metric> wanted,
            @Nullable PictureNetwork distance,
            @Nullable PictureNetwork encoder,
            EvaluationListener listener) {
        Map<Metric, Double> sums = new EnumMap<>(Metric.class);
        int atOnce = AT_ONCE;
        for (PictureNetwork network : new PictureNetwork[] {distance, encoder}) {
            atOnce = network == null ? atOnce : Math.min(atOnce, network.batch(AT_ONCE));
        }
        int done = 0;
        try (Pictures.Cursor a = first.open();
                Pictures.Cursor b = second.open()) {
            while (done < count()) {
                List<RgbImage> left = a.next(atOnce);
                List<RgbImage> right = b.next(atOnce);
                requireSize(left.get(0), right.get(0), wanted.contains(Metric.SSIM));
                if (wanted.contains(Metric.SSIM)) {
                    sums.merge(Metric.SSIM, sum(left, right, ImageSimilarity::ssim), Double::sum);
                }
                if (wanted.contains(Metric.PSNR)) {
                    sums.merge(Metric.PSNR, sum(left, right, ImageSimilarity::psnr), Double::sum);
                }
                if (wanted.contains(Metric.LPIPS) && distance != null) {
                    sums.merge(Metric.LPIPS, distances(distance, left, right), Double::sum);
                }
                if (wanted.contains(Metric.DINO) && encoder != null) {
                    sums.merge(Metric.DINO, cosines(encode(encoder, left), encode(encoder, right)), Double::sum);
                }
                done += left.size();
                listener.progress("pairs", done, count());
            }
        }
        sums.replaceAll((metric, sum) -> sum / count());
        return sums;
    }

    private void requireSize(RgbImage a, RgbImage b, boolean needsWindow) {
        if (a.width() != b.width() || a.height() != b.height()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    samples.path() + ": expected pictures of " + a.width() + " x " + a.height() + " as in "
                            + reference.path() + ", received " + b.width() + " x " + b.height()
                            + "; crop both with --size");
        }
        if (needsWindow && Math.min(a.width(), a.height()) < ImageSimilarity.WINDOW) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    reference.path() + ": expected pictures of " + ImageSimilarity.WINDOW + " pixels a side or more"
                            + " for SSIM, received " + a.width() + " x " + a.height() + "; leave SSIM out");
        }
    }

    private static double sum(List<RgbImage> a, List<RgbImage> b, ToDoubleBiFunction<RgbImage, RgbImage> metric) {
        double[] values = IntStream.range(0, a.size())
                .parallel()
                .mapToDouble(i -> metric.applyAsDouble(a.get(i), b.get(i)))
                .toArray();
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return sum;
    }

    private static double distances(PictureNetwork network, List<RgbImage> a, List<RgbImage> b) {
        String output = network.outputs().keySet().iterator().next();
        Tensor result = get(network.run(List.of(a, b), Set.of(output)), output);
        if (result.size() != a.size()) {
            throw network.refused("one distance for each of " + a.size() + " pairs", result.shape());
        }
        return sum(network, result);
    }

    private static double sum(PictureNetwork network, Tensor values) {
        double sum = 0;
        for (float value : values.values()) {
            if (!Float.isFinite(value)) {
                throw network.notFinite();
            }
            sum += value;
        }
        return sum;
    }

    private static Tensor encode(PictureNetwork encoder, List<RgbImage> images) {
        Map<String, Shape> outputs = encoder.outputs();
        String output = outputs.containsKey(CLASS_TOKEN)
                ? CLASS_TOKEN
                : outputs.keySet().iterator().next();
        int size = encoder.height() == encoder.width() ? encoder.height() : -1;
        List<RgbImage> sized = size < 0
                ? images
                : images.stream().map(image -> Images.centerCrop(image, size)).toList();
        Tensor features = get(encoder.run(List.of(sized), Set.of(output)), output);
        if (features.shape().rank() != 2) {
            throw encoder.refused("features [n,D] as the output '" + output + "'", features.shape());
        }
        sum(encoder, features);
        return features;
    }

    private static Tensor get(Map<String, Tensor> results, String name) {
        Tensor result = results.get(name);
        if (result == null) {
            throw new IllegalStateException("the graph did not give '" + name + "'");
        }
        return result;
    }

    private static double cosines(Tensor a, Tensor b) {
        int width = a.dim(1);
        double sum = 0;
        for (int row = 0; row < a.dim(0); row++) {
            double ab = 0;
            double aa = 0;
            double bb = 0;
            for (int i = row * width; i < (row + 1) * width; i++) {
                double x = a.values()[i];
                double y = b.values()[i];
                ab += x * y;
                aa += x * x;
                bb += y * y;
            }
            sum += ab / Math.max(Math.sqrt(aa * bb), Double.MIN_NORMAL);
        }
        return sum;
    }
}

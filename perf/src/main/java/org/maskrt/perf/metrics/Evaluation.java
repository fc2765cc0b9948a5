package org.maskrt.perf.metrics;

import java.nio.file.Path;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * Compares a set of generated pictures with a reference. The definitions of FID, sFID, Inception Score, precision and recall are those of ADM's
 * evaluator (Dhariwal and Nichol, 2021).
 */
public final class Evaluation {
    /**
     * The networks that the user gives; each may be missing.
     *
     * @param inception for the features of pictures
     * @param softmaxWeights a .npy array [D,classes] that turns pool features into logits
     * @param lpips takes two batches of pictures, -1 to 1, and gives their distances
     * @param encoder takes a batch of pictures, normalised as ImageNet's, and gives features [n,D] for the DINO score
     */
    public record Networks(
            @Nullable Inception inception,
            @Nullable Path softmaxWeights,
            @Nullable Path lpips,
            @Nullable Path encoder) {}

    /**
     * How much is done at once, and of what.
     *
     * @param size side in pixels to which pictures of folders are cropped and resized; 0 leaves them as they are
     * @param batch pictures that go through the classifier at once
     * @param threads of ONNX Runtime; 0 for one per core
     * @param referenceRows the most of the reference that precision and recall take, spread evenly over it
     * @param sampleRows the most of the samples
     */
    public record Options(int size, int batch, int threads, int referenceRows, int sampleRows) {
        /** As ADM publishes its reference batches: precision and recall take 10,000 pictures of the reference and 50,000 samples. */
        public static final Options DEFAULT = new Options(0, 16, 0, 10_000, 50_000);

        public Options {
            require("size", size, 0);
            require("batch", batch, 1);
            require("threads", threads, 0);
            require("reference-rows", referenceRows, PrecisionRecall.FEWEST_ROWS);
            require("sample-rows", sampleRows, PrecisionRecall.FEWEST_ROWS);
        }

        private static void require(String name, int value, int least) {
            if (value < least) {
                throw new MaskRtException(
                        ExitCode.USAGE, "--" + name + ": expected " + least + " or more, received " + value);
            }
        }
    }

    /**
     * The result.
     *
     * @param values by metric
     * @param reference pictures of the reference; 0 where only their statistics are known
     * @param samples the same of the samples
     */
    public record Report(Map<Metric, Double> values, int reference, int samples) {}

    private final Path reference;
    private final Path samples;
    private final Networks networks;
    private final Options options;

    /**
     * What is compared: folders of pictures, or .npz archives with pictures {@code arr_0} uint8 [n,H,W,3], features {@code pool}, {@code
     * spatial}, {@code logits} or {@code probabilities} [n,D], or statistics {@code mu}, {@code sigma}, {@code mu_s}, {@code sigma_s}.
     */
    public Evaluation(Path reference, Path samples, Networks networks, Options options) {
        this.reference = reference;
        this.samples = samples;
        this.networks = networks;
        this.options = options;
    }

    /**
     * Computes metrics.
     *
     * @param metrics which; if empty, those of distributions and of networks that the files and networks allow, or SSIM and PSNR where they
     *     allow none
     * @throws MaskRtException if a file is missing or damaged, a metric lacks what it needs, or something is not finite
     */
    public Report run(Set<Metric> metrics, EvaluationListener listener) {
        try (EvaluationSet referenceSet = new EvaluationSet(reference, options.size());
                EvaluationSet sampleSet = new EvaluationSet(samples, options.size());
                Sources sources = new Sources();
                Distributions first = new Distributions(referenceSet, sources.of(referenceSet));
                Distributions second = new Distributions(sampleSet, sources.of(sampleSet))) {
            Set<Metric> possible = possible(first, second);
            Set<Metric> wanted = metrics.isEmpty() ? choose(possible, referenceSet, sampleSet) : metrics;
            for (Metric metric : wanted) {
                if (!metric.isPaired() && !possible.contains(metric)) {
                    throw lacking(metric);
                }
            }
            Map<Metric, Double> values = new EnumMap<>(Metric.class);
            pairs(wanted, referenceSet, sampleSet, values, listener);
            distributions(wanted, first, second, values, listener);
            return new Report(values, count(referenceSet, sources), count(sampleSet, sources));
        }
    }

    private static int count(EvaluationSet set, Sources sources) {
        Pictures pictures = set.pictures();
        return pictures != null ? pictures.count() : sources.of(set).count();
    }

    /** Where features come from. */
    private final class Sources implements AutoCloseable {
        private final @Nullable Classifier classifier;
        private final @Nullable SoftmaxHead head;

        Sources() {
            head = networks.softmaxWeights() == null ? null : new SoftmaxHead(networks.softmaxWeights());
            classifier = networks.inception() == null
                    ? null
                    : new Classifier(networks.inception(), options.batch(), options.threads());
        }

        /** The features that a set holds, or else those of its pictures. */
        FeatureSource of(EvaluationSet set) {
            FeatureSource source = set.features();
            Pictures pictures = set.pictures();
            if (source == FeatureSource.NONE && pictures != null && classifier != null) {
                source = classifier.on(pictures);
            }
            return head == null ? source : head.on(source);
        }

        @Override
        public void close() {
            if (classifier != null) {
                classifier.close();
            }
            if (head != null) {
                head.close();
            }
        }
    }

    private static Set<Metric> possible(Distributions reference, Distributions samples) {
        Set<Metric> possible = EnumSet.noneOf(Metric.class);
        if (reference.hasGaussian(Feature.POOL) && samples.hasGaussian(Feature.POOL)) {
            possible.add(Metric.FID);
        }
        if (reference.hasGaussian(Feature.SPATIAL) && samples.hasGaussian(Feature.SPATIAL)) {
            possible.add(Metric.SFID);
        }
        if (samples.has(Feature.PROBABILITIES)) {
            possible.add(Metric.INCEPTION_SCORE);
        }
        if (reference.has(Feature.POOL) && samples.has(Feature.POOL)) {
            possible.add(Metric.PRECISION);
            possible.add(Metric.RECALL);
        }
        return possible;
    }

    private Set<Metric> choose(Set<Metric> possible, EvaluationSet referenceSet, EvaluationSet sampleSet) {
        Set<Metric> chosen = EnumSet.noneOf(Metric.class);
        chosen.addAll(possible);
        if (networks.lpips() != null) {
            chosen.add(Metric.LPIPS);
        }
        if (networks.encoder() != null) {
            chosen.add(Metric.DINO);
        }
        if (chosen.isEmpty() && referenceSet.pictures() != null && sampleSet.pictures() != null) {
            chosen.add(Metric.SSIM);
            chosen.add(Metric.PSNR);
        }
        if (chosen.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    samples + ": expected what " + reference
                            + " can be compared with, found no metric that both allow; give --inception for pictures");
        }
        return chosen;
    }

    private static MaskRtException lacking(Metric metric) {
        String needed = switch (metric) {
            case FID -> "pool features or mu and sigma of both sets";
            case SFID -> "spatial features or mu_s and sigma_s of both sets";
            case INCEPTION_SCORE -> "logits or probabilities of the samples, or pool features and --softmax-weights";
            default -> "pool features of both sets";
        };
        return new MaskRtException(
                ExitCode.USAGE,
                metric.key() + ": expected " + needed
                        + ", found less; give --inception with such an output, or archives" + " that hold them");
    }

    private void pairs(
            Set<Metric> wanted,
            EvaluationSet referenceSet,
            EvaluationSet sampleSet,
            Map<Metric, Double> values,
            EvaluationListener listener) {
        if (wanted.stream().noneMatch(Metric::isPaired)) {
            return;
        }
        Pairs pairs = new Pairs(referenceSet, sampleSet);
        try (PictureNetwork distance = network(wanted, Metric.LPIPS, networks.lpips(), PixelRange.SIGNED, 2);
                PictureNetwork encoder = network(wanted, Metric.DINO, networks.encoder(), PixelRange.IMAGENET, 1)) {
            values.putAll(pairs.compare(wanted, distance, encoder, listener));
        }
    }

    private @Nullable PictureNetwork network(
            Set<Metric> wanted, Metric metric, @Nullable Path file, PixelRange range, int batches) {
        if (!wanted.contains(metric)) {
            return null;
        }
        if (file == null) {
            throw new MaskRtException(
                    ExitCode.USAGE, metric.key() + ": expected a network, found none; give one with --" + metric.key());
        }
        return new PictureNetwork(file, range, batches, options.threads());
    }

    private void distributions(
            Set<Metric> wanted,
            Distributions first,
            Distributions second,
            Map<Metric, Double> values,
            EvaluationListener listener) {
        Set<Feature> fitted = EnumSet.noneOf(Feature.class);
        if (wanted.contains(Metric.FID)) {
            fitted.add(Feature.POOL);
        }
        if (wanted.contains(Metric.SFID)) {
            fitted.add(Feature.SPATIAL);
        }
        boolean isScored = wanted.contains(Metric.INCEPTION_SCORE);
        boolean isKept = wanted.contains(Metric.PRECISION) || wanted.contains(Metric.RECALL);
        first.read(fitted, false, isKept ? options.referenceRows() : 0, listener);
        second.read(fitted, isScored, isKept ? options.sampleRows() : 0, listener);
        if (isScored) {
            values.put(Metric.INCEPTION_SCORE, second.inceptionScore());
        }
        if (isKept) {
            // the rows are the most memory, and nothing else needs them
            try (FeatureRows a = first.rows();
                    FeatureRows b = second.rows()) {
                PrecisionRecall found = PrecisionRecall.of(a, b, listener);
                values.put(Metric.PRECISION, found.precision());
                values.put(Metric.RECALL, found.recall());
            }
            values.keySet().removeIf(metric -> !wanted.contains(metric));
        }
        if (wanted.contains(Metric.FID)) {
            values.put(Metric.FID, distance(Feature.POOL, first, second));
        }
        if (wanted.contains(Metric.SFID)) {
            values.put(Metric.SFID, distance(Feature.SPATIAL, first, second));
        }
    }

    private double distance(Feature feature, Distributions first, Distributions second) {
        Gaussian a = first.gaussian(feature);
        Gaussian b = second.gaussian(feature);
        if (a.width() != b.width()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    samples + ": expected " + a.width() + " " + feature.key() + " features as in " + reference
                            + ", received " + b.width() + "; take both from one network");
        }
        return a.distance(b);
    }
}

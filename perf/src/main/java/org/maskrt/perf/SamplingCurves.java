package org.maskrt.perf;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Tensor;
import org.maskrt.perf.metrics.Gaussian;
import org.maskrt.perf.metrics.GaussianFit;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.GuidanceOptions;
import org.maskrt.runtime.Sampling;
import org.maskrt.runtime.Seeds;

/**
 * What faster ways to sample cost: fewer steps, another sampler, or reuse, each beside the first way, on the same noise and classes. Ways take turns
 * with every few pictures, forwards and backwards, and times are compared within a turn.
 */
public final class SamplingCurves {
    private SamplingCurves() {}

    /**
     * A way to sample.
     *
     * @param series the curve that it is a point of
     * @param value what varies along the curve
     */
    public record Way(String series, double value, Sampling sampling, GuidanceOptions guidance) {}

    /** Says what pictures show. */
    public interface Judge {
        /** How many pictures show the class that was asked for. */
        int right(GenerationResult result);

        /** Features [n,D] of pictures. */
        Tensor features(List<RgbImage> pictures);

        /** The distribution of the features of real pictures. */
        Gaussian real();
    }

    /**
     * How one way did.
     *
     * @param passes of a picture through the model
     * @param millis of the steps of one picture, the median over turns
     * @param ratio of the times to those of the first way, percentiles 10, 50 and 90 over turns
     * @param psnr of the pictures against those of the first way, decibels; infinite where they are the same
     * @param accuracy the share of pictures of the class that was asked for
     * @param distance Fréchet distance of the features from those of real pictures
     */
    public record Measured(
            Way way, double passes, double millis, Spread ratio, double psnr, double accuracy, double distance) {}

    /** Hears how far it is. */
    @FunctionalInterface
    public interface Listener {
        void progress(String what, int done, int total);
    }

    private static final class Sums implements AutoCloseable {
        private final GaussianFit fit;
        private final List<Double> millis = new ArrayList<>();
        private long passes;
        private int right;
        private double squares;

        Sums(int width) {
            fit = new GaussianFit(width);
        }

        void add(GenerationResult result, GenerationResult first, Judge judge) {
            millis.add(result.timings().denoiseMillis());
            passes += result.timings().passes();
            right += judge.right(result);
            fit.add(judge.features(result.images()));
            byte[] expected = first.nhwc();
            byte[] actual = result.nhwc();
            for (int i = 0; i < expected.length; i++) {
                double d = (expected[i] & 0xff) - (actual[i] & 0xff);
                squares += d * d;
            }
        }

        double[] millis() {
            return millis.stream().mapToDouble(Double::doubleValue).toArray();
        }

        @Override
        public void close() {
            fit.close();
        }
    }

    /**
     * The pictures.
     *
     * @param turns how often every way makes a picture of each class
     * @param seed of the first picture
     */
    public record Pictures(int turns, long seed) {
        /** Checks the number. */
        public Pictures {
            if (turns < 1) {
                throw new MaskRtException(
                        ExitCode.USAGE, "pictures of each class: expected 1 or more, got " + turns + "; 50 are usual");
            }
        }
    }

    /**
     * Measures.
     *
     * @param ways of which the first is what the others are compared with
     */
    public static List<Measured> run(
            DiffusionPipeline pipeline, List<Way> ways, Pictures pictures, Judge judge, Listener listener) {
        int turns = pictures.turns();
        int classes = pipeline.model().numClasses();
        List<Integer> labels = IntStream.range(0, classes).boxed().toList();
        Gaussian real = judge.real();
        List<Sums> sums = new ArrayList<>();
        try {
            ways.forEach(way -> sums.add(new Sums(real.width())));
            for (int turn = 0; turn < turns; turn++) {
                GenerationRequest request =
                        GenerationRequest.of(labels).with(Seeds.perImage(pictures.seed() + (long) turn * classes));
                GenerationResult[] results = new GenerationResult[ways.size()];
                for (int i = 0; i < results.length; i++) {
                    int at = turn % 2 == 0 ? i : results.length - 1 - i;
                    listener.progress("pictures", turn * results.length + i, turns * results.length);
                    results[at] = pipeline.generate(request.with(ways.get(at).sampling())
                            .with(ways.get(at).guidance()));
                }
                for (int i = 0; i < results.length; i++) {
                    sums.get(i).add(results[i], results[0], judge);
                }
            }
            double size = 3.0 * pipeline.imageSize() * pipeline.imageSize() * turns * classes;
            List<Measured> measured = new ArrayList<>();
            for (int i = 0; i < ways.size(); i++) {
                Sums own = sums.get(i);
                measured.add(new Measured(
                        ways.get(i),
                        (double) own.passes / (turns * classes),
                        Spread.of(own.millis()).middle() / classes,
                        ratio(own.millis(), sums.get(0).millis()),
                        10 * Math.log10(255 * 255 * size / own.squares),
                        (double) own.right / (turns * classes),
                        real.distance(own.fit.fit())));
            }
            return measured;
        } finally {
            sums.forEach(Sums::close);
        }
    }

    private static Spread ratio(double[] millis, double[] first) {
        double[] ratios = new double[millis.length];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = millis[i] / first[i];
        }
        return Spread.of(ratios);
    }
}

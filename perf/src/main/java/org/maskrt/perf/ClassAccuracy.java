package org.maskrt.perf;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Tensor;
import org.maskrt.perf.metrics.Gaussian;
import org.maskrt.perf.metrics.GaussianFit;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.trainer.ImageClassifier;
import org.maskrt.trainer.TrainListener;
import org.maskrt.trainer.data.ImageSource;
import org.maskrt.trainer.data.Sample;
import org.maskrt.trainer.data.Shapes;

/**
 * How often a generated picture shows the class that was asked for: a classifier trained on the drawn shapes says what it sees. It is judged
 * itself on drawn pictures that it was not trained on, which bounds what its verdict is worth.
 */
public final class ClassAccuracy implements AutoCloseable, SamplingCurves.Judge {
    private static final ImageClassifier.Options TRAINING = new ImageClassifier.Options(2500, 32, 11);
    private static final long TRAINED_ON = 1_000_000;
    private static final int HELD_OUT = 1000;

    private final ImageClassifier classifier;
    private final Verdict heldOut;
    private final Gaussian real;
    private final int size;

    private ClassAccuracy(ImageClassifier classifier, ImageSource heldOut) {
        this.classifier = classifier;
        this.size = heldOut.size();
        int picture = 3 * size * size;
        float[] values = new float[HELD_OUT * picture];
        List<Integer> labels = new ArrayList<>();
        for (int i = 0; i < HELD_OUT; i++) {
            Sample sample = heldOut.get(i);
            System.arraycopy(sample.chw(), 0, values, i * picture, picture);
            labels.add(sample.label());
        }
        this.heldOut = verdict(values, labels);
        Tensor features = classifier.features(values);
        try (GaussianFit fit = new GaussianFit(features.dim(1))) {
            fit.add(features);
            this.real = fit.fit();
        }
    }

    /**
     * What the classifier saw.
     *
     * @param confusion pictures [asked for][seen]
     */
    public record Verdict(int[][] confusion) {
        /** Pictures in all. */
        public int total() {
            int sum = 0;
            for (int[] row : confusion) {
                for (int n : row) {
                    sum += n;
                }
            }
            return sum;
        }

        /** Pictures of the class that was asked for. */
        public int right() {
            int sum = 0;
            for (int i = 0; i < confusion.length; i++) {
                sum += confusion[i][i];
            }
            return sum;
        }

        /** The share of pictures of the class that was asked for. */
        public double accuracy() {
            return (double) right() / total();
        }
    }

    /**
     * Trains the classifier, which takes a minute or two on two cores.
     *
     * @param size side of the pictures in pixels
     * @throws org.maskrt.models.MaskRtException INTERRUPTED when cancelled
     */
    public static ClassAccuracy ofShapes(int size, TrainListener listener, BooleanSupplier cancelled) {
        Shapes drawn = new Shapes(size, TRAINING.seed(), TRAINED_ON);
        return new ClassAccuracy(
                ImageClassifier.train(drawn, TRAINING, listener, cancelled),
                new Shapes(size, TRAINING.seed() + 1, HELD_OUT));
    }

    /** On drawn pictures that the classifier was not trained on. */
    public Verdict heldOut() {
        return heldOut;
    }

    /** On the pictures of a generation, whose size must be that of the classifier. */
    public Verdict of(GenerationResult result) {
        return of(result.images(), result.labels());
    }

    /** On pictures of the classifier's size and the classes that they are to show. */
    public Verdict of(List<RgbImage> images, List<Integer> labels) {
        return verdict(values(images), labels);
    }

    @Override
    public int right(GenerationResult result) {
        return of(result).right();
    }

    /** What the classifier's last layer reads of pictures, whose size must be that of the classifier. */
    @Override
    public Tensor features(List<RgbImage> pictures) {
        return classifier.features(values(pictures));
    }

    /** Of drawn pictures that the classifier was not trained on. */
    @Override
    public Gaussian real() {
        return real;
    }

    private float[] values(List<RgbImage> pictures) {
        int picture = 3 * size * size;
        float[] values = new float[pictures.size() * picture];
        for (int i = 0; i < pictures.size(); i++) {
            RgbImage image = pictures.get(i);
            if (image.width() != size || image.height() != size) {
                throw new IllegalArgumentException("the classifier judges pictures of " + size + " x " + size + ", got "
                        + image.width() + " x " + image.height());
            }
            image.toFloats(values, i * picture);
        }
        return values;
    }

    private Verdict verdict(float[] values, List<Integer> labels) {
        int[] seen = classifier.classify(values);
        int classes = classifier.classes();
        int[][] confusion = new int[classes][classes];
        for (int i = 0; i < seen.length; i++) {
            confusion[labels.get(i)][seen[i]]++;
        }
        return new Verdict(confusion);
    }

    @Override
    public void close() {
        classifier.close();
    }
}

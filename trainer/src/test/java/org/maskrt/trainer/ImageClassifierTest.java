package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.trainer.data.ImageSource;
import org.maskrt.trainer.data.Sample;

class ImageClassifierTest {
    private static final int SIZE = 16;
    private static final TrainListener SILENT = new TrainListener() {};

    /** Noise with a bright square in the upper half (class 0), the lower half (class 1), or none (class 2). */
    private record Squares(long seed) implements ImageSource {
        @Override
        public int size() {
            return SIZE;
        }

        @Override
        public int numClasses() {
            return 3;
        }

        @Override
        public List<String> labels() {
            return List.of("upper", "lower", "none");
        }

        @Override
        public long count() {
            return 3000;
        }

        @Override
        public Sample get(long index) {
            Random random = new Random(seed + index);
            int label = (int) (index % 3);
            float[] chw = new float[3 * SIZE * SIZE];
            for (int i = 0; i < chw.length; i++) {
                chw[i] = 0.3f * (float) random.nextGaussian();
            }
            int left = 2 + random.nextInt(8);
            for (int y = 0; y < 4 && label < 2; y++) {
                int from = (label * SIZE / 2 + 2 + y) * SIZE + left;
                Arrays.fill(chw, from, from + 4, 1);
            }
            return new Sample(chw, label);
        }
    }

    @Test
    void learnsWhatTellsThePicturesApart() {
        try (ImageClassifier classifier =
                ImageClassifier.train(new Squares(1), new ImageClassifier.Options(150, 16, 3), SILENT, () -> false)) {
            Squares unseen = new Squares(1_000_000);
            int picture = 3 * SIZE * SIZE;
            float[] images = new float[60 * picture];
            int[] labels = new int[60];
            for (int i = 0; i < labels.length; i++) {
                Sample sample = unseen.get(i);
                System.arraycopy(sample.chw(), 0, images, i * picture, picture);
                labels[i] = sample.label();
            }
            assertEquals(3, classifier.classes());
            assertArrayEquals(labels, classifier.classify(images));
        }
    }

    @Test
    void stopsWhenCancelled() {
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> ImageClassifier.train(new Squares(1), new ImageClassifier.Options(5, 4, 3), SILENT, () -> true));
        assertEquals(ExitCode.INTERRUPTED, e.code());
        assertEquals("classifier: interrupted at step 0", e.getMessage());
    }
}

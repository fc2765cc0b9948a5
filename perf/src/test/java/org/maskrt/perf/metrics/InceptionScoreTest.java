package org.maskrt.perf.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.maskrt.models.ops.Tensor;

class InceptionScoreTest {
    @Test
    void theMeanOverSplitsOfFiveThousand() throws IOException {
        Tensor probabilities = Recorded.tensor("probabilities.npz", "probabilities");
        InceptionScore score = new InceptionScore(2);
        score.add(probabilities.rows(0, 4998));
        score.add(probabilities.rows(4998, 5003));
        double expected = Recorded.number("/splits/inception_score");
        assertEquals(expected, score.value(), 1e-7 * expected);
    }

    @Test
    void certainAndDiversePicturesScoreTheNumberOfClasses() {
        InceptionScore score = new InceptionScore(3);
        score.add(Tensor.of(new float[] {1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3));
        assertEquals(3, score.value(), 1e-12);
        assertEquals(
                "an Inception Score needs a picture",
                assertThrows(IllegalStateException.class, new InceptionScore(3)::value)
                        .getMessage());
        assertEquals(
                "expected rows of 3 classes, got fp32[1,2]",
                assertThrows(IllegalArgumentException.class, () -> new InceptionScore(3).add(Tensor.zeros(1, 2)))
                        .getMessage());
    }
}

package org.maskrt.perf.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Tensor;

class PrecisionRecallTest {
    private static PrecisionRecall of(Tensor reference, Tensor samples) {
        try (FeatureRows r = new FeatureRows(reference.dim(1));
                FeatureRows s = new FeatureRows(samples.dim(1))) {
            r.add(reference);
            s.add(samples);
            return PrecisionRecall.of(r, s, EvaluationListener.NONE);
        }
    }

    @Test
    void thoseOfNumpy() throws IOException {
        PrecisionRecall found =
                of(Recorded.tensor("reference_features.npz", "pool"), Recorded.tensor("sample_features.npz", "pool"));
        assertEquals(Recorded.number("/features/precision"), found.precision(), "precision");
        assertEquals(Recorded.number("/features/recall"), found.recall(), "recall");
    }

    /** More rows than a block has, against the definition in double precision. */
    @Test
    void severalBlocksAreAsOne() {
        long seed = 3;
        Tensor reference = random(FeatureRows.BLOCK_ROWS + 302, 0, seed);
        Tensor samples = random(FeatureRows.BLOCK_ROWS + 2, 0.7f, seed + 1);
        PrecisionRecall found = of(reference, samples);
        double[] referenceRadii = radii(reference);
        double[] sampleRadii = radii(samples);
        int precise = 0;
        boolean[] recalled = new boolean[reference.dim(0)];
        for (int s = 0; s < samples.dim(0); s++) {
            boolean inside = false;
            for (int r = 0; r < reference.dim(0); r++) {
                double d = distance(reference, r, samples, s);
                inside |= d <= referenceRadii[r];
                recalled[r] |= d <= sampleRadii[s];
            }
            precise += inside ? 1 : 0;
        }
        int recall = 0;
        for (boolean b : recalled) {
            recall += b ? 1 : 0;
        }
        // in fp32 one vector may lie on the other side of a border
        assertEquals((double) precise / samples.dim(0), found.precision(), 1.5 / samples.dim(0), "seed " + seed);
        assertEquals((double) recall / reference.dim(0), found.recall(), 1.5 / reference.dim(0), "seed " + seed);
    }

    private static Tensor random(int rows, float shift, long seed) {
        Random random = new Random(seed);
        float[] values = new float[rows * 3];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian() + shift;
        }
        return Tensor.of(values, rows, 3);
    }

    private static double[] radii(Tensor rows) {
        double[] radii = new double[rows.dim(0)];
        for (int i = 0; i < radii.length; i++) {
            double[] distances = new double[radii.length];
            for (int j = 0; j < radii.length; j++) {
                distances[j] = distance(rows, i, rows, j);
            }
            Arrays.sort(distances);
            radii[i] = distances[3];
        }
        return radii;
    }

    private static double distance(Tensor a, int i, Tensor b, int j) {
        double sum = 0;
        for (int k = 0; k < 3; k++) {
            double d = (double) a.values()[i * 3 + k] - b.values()[j * 3 + k];
            sum += d * d;
        }
        return sum;
    }

    @Test
    void fourRowsAreNeeded() {
        MaskRtException e = assertThrows(MaskRtException.class, () -> of(Tensor.zeros(4, 2), Tensor.zeros(3, 2)));
        assertEquals(
                "precision and recall: expected 4 pictures or more in each set, received 3 as samples; leave these metrics"
                        + " out",
                e.getMessage());
        assertEquals(new PrecisionRecall(1, 1), of(Tensor.zeros(4, 2), Tensor.zeros(5, 2)));
    }
}

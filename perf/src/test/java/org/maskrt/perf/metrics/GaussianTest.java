package org.maskrt.perf.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Tensor;

class GaussianTest {
    private static final double TOLERANCE = 1e-6;

    private static Gaussian fit(Tensor rows, int... parts) {
        try (GaussianFit fit = new GaussianFit(rows.dim(1))) {
            int from = 0;
            for (int part : parts) {
                fit.add(rows.rows(from, from + part));
                from += part;
            }
            fit.add(rows.rows(from, rows.dim(0)));
            assertEquals(rows.dim(0), fit.rows());
            return fit.fit();
        }
    }

    @Test
    void fidAndSfidAreThoseOfNumpyAndScipy() throws IOException {
        for (String[] pair : new String[][] {{"fid", "pool"}, {"sfid", "spatial"}}) {
            Gaussian reference = fit(Recorded.tensor("reference_features.npz", pair[1]), 7, 20);
            Gaussian samples = fit(Recorded.tensor("sample_features.npz", pair[1]));
            double expected = Recorded.number("/features/" + pair[0]);
            assertEquals(expected, reference.distance(samples), TOLERANCE * expected, pair[0]);
            assertEquals(expected, samples.distance(reference), TOLERANCE * expected, pair[0] + " the other way");
            assertEquals(0, reference.distance(reference), TOLERANCE, pair[0] + " to itself");
        }
    }

    @Test
    void singularCovariances() throws IOException {
        Gaussian a = fit(Recorded.rows("/singular/first"));
        Gaussian b = fit(Recorded.rows("/singular/second"));
        double expected = Recorded.number("/singular/fid");
        assertEquals(expected, a.distance(b), TOLERANCE * expected);
        Gaussian point = new Gaussian(new double[] {1, 2}, new double[4]);
        assertEquals(0, point.distance(point));
        assertEquals(2, point.distance(new Gaussian(new double[] {2, 1}, new double[4])));
    }

    @Test
    void meanAndCovarianceOfManyRowsWithALargeMean() {
        long seed = 5;
        int rows = 1300;
        int width = 3;
        Random random = new Random(seed);
        float[] values = new float[rows * width];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (1000 + random.nextGaussian() * (i % width + 1));
        }
        Gaussian fit = fit(Tensor.of(values, rows, width), 511, 2, 600);
        for (int i = 0; i < width; i++) {
            double mean = 0;
            for (int r = 0; r < rows; r++) {
                mean += values[r * width + i] / (double) rows;
            }
            assertEquals(mean, fit.mean()[i], 1e-9, "mean " + i + ", seed " + seed);
            for (int j = 0; j < width; j++) {
                double covariance = 0;
                for (int r = 0; r < rows; r++) {
                    covariance += (values[r * width + i] - fit.mean()[i])
                            * (values[r * width + j] - fit.mean()[j])
                            / (rows - 1);
                }
                assertEquals(covariance, fit.covariance()[i * width + j], 1e-9, i + "," + j + ", seed " + seed);
            }
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        Gaussian one = new Gaussian(new double[1], new double[1]);
        assertEquals(
                "widths differ: 1 and 2",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> one.distance(new Gaussian(new double[2], new double[4])))
                        .getMessage());
        assertEquals(
                "a mean of 2 needs a covariance of its square, got 3",
                assertThrows(IllegalArgumentException.class, () -> new Gaussian(new double[2], new double[3]))
                        .getMessage());
        Gaussian nan = new Gaussian(new double[2], new double[] {Double.NaN, 1, 1, 1});
        MaskRtException e = assertThrows(MaskRtException.class, () -> nan.distance(nan));
        assertEquals(ExitCode.NOT_FINITE, e.code());
        assertEquals(
                "Fréchet distance: expected covariances with eigenvalues, none were found; look for NaN or infinity among"
                        + " the features",
                e.getMessage());
        try (GaussianFit fit = new GaussianFit(2)) {
            fit.add(Tensor.zeros(1, 2));
            assertEquals(
                    "a covariance needs two rows or more, got 1",
                    assertThrows(IllegalStateException.class, fit::fit).getMessage());
            assertEquals(
                    "expected rows of 2 features, got fp32[1,3]",
                    assertThrows(IllegalArgumentException.class, () -> fit.add(Tensor.zeros(1, 3)))
                            .getMessage());
        }
    }
}

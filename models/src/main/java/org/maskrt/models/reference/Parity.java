package org.maskrt.models.reference;

import java.util.Locale;
import org.maskrt.models.ops.Tensor;

/**
 * How far a tensor is from the one that it should be.
 *
 * @param name of the tensor
 * @param maxDiff max|actual - expected|; infinite where the shapes differ or a number is not finite
 * @param maxReference max|expected|
 * @param worst index of the largest difference, row-major
 * @param tolerance for {@link #relative}
 */
public record Parity(String name, double maxDiff, double maxReference, int worst, double tolerance) {
    /** One forward pass in fp32. */
    public static final double FORWARD = 1e-5;
    /** Trajectories, losses and gradients: sums of many rounding errors. */
    public static final double ACCUMULATED = 1e-4;

    public static Parity of(String name, Tensor expected, Tensor actual, double tolerance) {
        if (!expected.shape().equals(actual.shape())) {
            return new Parity(
                    name + " (shape " + actual.shape() + ", expected " + expected.shape() + ")",
                    Double.POSITIVE_INFINITY,
                    1,
                    0,
                    tolerance);
        }
        double max = 0;
        double diff = 0;
        int worst = 0;
        for (int i = 0; i < expected.size(); i++) {
            double e = expected.values()[i];
            double d = Math.abs(actual.values()[i] - e);
            max = Math.max(max, Math.abs(e));
            if (!(d <= diff)) {
                diff = Double.isNaN(d) ? Double.POSITIVE_INFINITY : d;
                worst = i;
            }
        }
        return new Parity(name, diff, max, worst, tolerance);
    }

    /** max|diff| / max|expected|. */
    public double relative() {
        return maxDiff == 0 ? 0 : maxDiff / maxReference;
    }

    public boolean passed() {
        return relative() <= tolerance;
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s: max|diff| / max|reference| = %.2e / %.2e = %.2e at %d, tolerance %.0e",
                name,
                maxDiff,
                maxReference,
                relative(),
                worst,
                tolerance);
    }
}

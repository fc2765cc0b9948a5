package org.maskrt.perf.metrics;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import java.util.Arrays;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * Improved precision and recall (Kynkäänniemi et al., 2019): a set's manifold is made of a ball about each feature vector that reaches its third
 * nearest neighbour. As in ADM's evaluator the neighbours are counted beside the vector itself.
 *
 * @param precision share of samples in the manifold of the reference
 * @param recall share of the reference in the manifold of the samples
 */
public record PrecisionRecall(double precision, double recall) {
    private static final int NEIGHBOURS = 3;

    /** The smallest set whose vectors have as many neighbours. */
    static final int FEWEST_ROWS = NEIGHBOURS + 1;

    /**
     * Compares all pairs of vectors, a block of them at a time.
     *
     * @param listener hears how many blocks are done
     * @throws MaskRtException (USAGE) if a set has fewer than four rows, or the widths differ
     */
    public static PrecisionRecall of(FeatureRows reference, FeatureRows samples, EvaluationListener listener) {
        requireRows("reference", reference);
        requireRows("samples", samples);
        if (reference.width() != samples.width()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "precision and recall: expected samples of " + reference.width()
                            + " features as the reference has, received " + samples.width()
                            + "; take both from one network");
        }
        int r = reference.blocks();
        int s = samples.blocks();
        long total = (long) r * (r + 1) / 2 + (long) s * (s + 1) / 2 + (long) r * s;
        Work work = new Work(listener, total);
        float[] referenceRadii = radii(reference, work);
        float[] sampleRadii = radii(samples, work);
        boolean[] inReference = new boolean[samples.rows()];
        boolean[] inSamples = new boolean[reference.rows()];
        for (int i = 0; i < r; i++) {
            for (int j = 0; j < s; j++) {
                try (NDScope scope = new NDScope()) {
                    scope.suppressNotUsedWarning();
                    NDArray distances = reference.squaredDistances(i, samples, j);
                    mark(distances, referenceRadii, i, inReference, j);
                    mark(distances.transpose(), sampleRadii, j, inSamples, i);
                }
                work.step();
            }
        }
        return new PrecisionRecall(share(inReference), share(inSamples));
    }

    private static void requireRows(String name, FeatureRows rows) {
        if (rows.rows() < FEWEST_ROWS) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "precision and recall: expected " + FEWEST_ROWS + " pictures or more in each set, received "
                            + rows.rows() + " as " + name + "; leave these metrics out");
        }
    }

    private record Work(EvaluationListener listener, long total, long[] done) {
        Work(EvaluationListener listener, long total) {
            this(listener, total, new long[1]);
        }

        void step() {
            listener.progress("precision and recall", ++done[0], total);
        }
    }

    /** Squared distances of every row to its third nearest other one. */
    private static float[] radii(FeatureRows rows, Work work) {
        float[] nearest = new float[rows.rows() * FEWEST_ROWS];
        Arrays.fill(nearest, Float.POSITIVE_INFINITY);
        for (int i = 0; i < rows.blocks(); i++) {
            for (int j = i; j < rows.blocks(); j++) {
                try (NDScope scope = new NDScope()) {
                    scope.suppressNotUsedWarning();
                    NDArray distances = rows.squaredDistances(i, rows, j);
                    merge(nearest, i, distances);
                    if (j > i) {
                        merge(nearest, j, distances.transpose());
                    }
                }
                work.step();
            }
        }
        float[] radii = new float[rows.rows()];
        for (int i = 0; i < radii.length; i++) {
            // the nearest is the row itself
            radii[i] = nearest[i * FEWEST_ROWS + NEIGHBOURS];
        }
        return radii;
    }

    /** Takes the smallest distances of each row of the block into {@code nearest}, which stays in order. */
    private static void merge(float[] nearest, int block, NDArray distances) {
        int kept = (int) Math.min(FEWEST_ROWS, distances.getShape().get(1));
        float[] smallest = distances.topK(kept, 1, false, true).get(0).toFloatArray();
        float[] both = new float[FEWEST_ROWS + kept];
        for (int row = 0; row < distances.getShape().get(0); row++) {
            int at = (block * FeatureRows.BLOCK_ROWS + row) * FEWEST_ROWS;
            System.arraycopy(nearest, at, both, 0, FEWEST_ROWS);
            System.arraycopy(smallest, row * kept, both, FEWEST_ROWS, kept);
            Arrays.sort(both);
            System.arraycopy(both, 0, nearest, at, FEWEST_ROWS);
        }
    }

    /** Marks the columns' vectors that lie within the radius of some row. */
    private static void mark(NDArray distances, float[] radii, int rowBlock, boolean[] inside, int columnBlock) {
        int from = rowBlock * FeatureRows.BLOCK_ROWS;
        int count = (int) distances.getShape().get(0);
        NDArray radius = distances.getManager().create(Arrays.copyOfRange(radii, from, from + count));
        float[] beyond = distances.sub(radius.reshape(-1, 1)).min(new int[] {0}).toFloatArray();
        for (int k = 0; k < beyond.length; k++) {
            // a difference of floats is negative exactly where the first is less
            inside[columnBlock * FeatureRows.BLOCK_ROWS + k] |= beyond[k] <= 0;
        }
    }

    private static double share(boolean[] inside) {
        int count = 0;
        for (boolean b : inside) {
            count += b ? 1 : 0;
        }
        return (double) count / inside.length;
    }
}

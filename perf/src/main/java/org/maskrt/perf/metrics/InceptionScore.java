package org.maskrt.perf.metrics;

import java.util.ArrayList;
import java.util.List;
import org.maskrt.models.ops.Tensor;

/**
 * The Inception Score (Salimans et al., 2016), exp E KL(p(y|x) || p(y)), as ADM's evaluator takes it: the mean over splits of 5000 pictures in
 * their order, the last one of what is left. For use by one thread.
 */
public final class InceptionScore {
    private static final int SPLIT = 5000;

    private final double[] sum;
    private final List<Double> scores = new ArrayList<>();
    private double negativeEntropy;
    private int rows;

    /** @param classes that the probabilities are of */
    public InceptionScore(int classes) {
        this.sum = new double[classes];
    }

    /**
     * Adds the probabilities of pictures.
     *
     * @param probabilities [n,classes], each row summing to one
     */
    public void add(Tensor probabilities) {
        if (probabilities.shape().rank() != 2 || probabilities.dim(1) != sum.length) {
            throw new IllegalArgumentException("expected rows of " + sum.length + " classes, got " + probabilities);
        }
        float[] p = probabilities.values();
        for (int row = 0; row < probabilities.dim(0); row++) {
            for (int c = 0; c < sum.length; c++) {
                double value = p[row * sum.length + c];
                sum[c] += value;
                negativeEntropy += timesLog(value);
            }
            if (++rows == SPLIT) {
                scores.add(split());
            }
        }
    }

    /** The score of the rows since the last split. */
    private double split() {
        double divergence = negativeEntropy / rows;
        for (int c = 0; c < sum.length; c++) {
            divergence -= timesLog(sum[c] / rows);
            sum[c] = 0;
        }
        negativeEntropy = 0;
        rows = 0;
        return Math.exp(divergence);
    }

    private static double timesLog(double p) {
        return p > 0 ? p * Math.log(p) : 0;
    }

    /**
     * The score of all rows; none can be added afterwards.
     *
     * @throws IllegalStateException if there is none
     */
    public double value() {
        if (rows > 0) {
            scores.add(split());
        }
        return scores.stream()
                .mapToDouble(s -> s)
                .average()
                .orElseThrow(() -> new IllegalStateException("an Inception Score needs a picture"));
    }
}

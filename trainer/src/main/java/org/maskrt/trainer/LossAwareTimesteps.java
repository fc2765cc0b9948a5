package org.maskrt.trainer;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * Importance sampling by the second moment of the loss (Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021, equation
 * 18): p(t) in proportion to sqrt(E[L_t^2]) over the last ten losses of each timestep, mixed with a thousandth of the uniform distribution. Until
 * every timestep has ten losses all are drawn alike.
 */
final class LossAwareTimesteps implements TimestepSampler {
    private static final int KEPT = 10;
    private static final double UNIFORM_SHARE = 0.001;
    private static final String HISTORY = "timestep_losses";
    private static final String COUNTS = "timestep_loss_counts";

    private final float[] history;
    private final int[] counts;
    private double[] probabilities;

    /** @param steps T */
    LossAwareTimesteps(int steps) {
        this.history = new float[steps * KEPT];
        this.counts = new int[steps];
        this.probabilities = probabilities();
    }

    /** p(t) of each timestep. */
    private double[] probabilities() {
        int steps = counts.length;
        double[] p = new double[steps];
        Arrays.fill(p, 1.0 / steps);
        if (Arrays.stream(counts).allMatch(n -> n == KEPT)) {
            double sum = 0;
            for (int t = 0; t < steps; t++) {
                double squares = 0;
                for (int i = 0; i < KEPT; i++) {
                    double loss = history[t * KEPT + i];
                    squares += loss * loss;
                }
                p[t] = Math.sqrt(squares / KEPT);
                sum += p[t];
            }
            for (int t = 0; t < steps; t++) {
                p[t] = p[t] / sum * (1 - UNIFORM_SHARE) + UNIFORM_SHARE / steps;
            }
        }
        return p;
    }

    @Override
    public int[] draw(RandomGenerator random, int count) {
        probabilities = probabilities();
        int[] drawn = new int[count];
        for (int i = 0; i < count; i++) {
            double left = random.nextDouble();
            int t = 0;
            while (t < probabilities.length - 1 && left >= probabilities[t]) {
                left -= probabilities[t++];
            }
            drawn[i] = t;
        }
        return drawn;
    }

    @Override
    public float[] weights(int[] timesteps) {
        float[] weights = new float[timesteps.length];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) (1 / (probabilities.length * probabilities[timesteps[i]]));
        }
        return weights;
    }

    @Override
    public void learn(int[] timesteps, float[] losses) {
        for (int i = 0; i < timesteps.length; i++) {
            int t = timesteps[i];
            int first = t * KEPT;
            if (counts[t] < KEPT) {
                history[first + counts[t]++] = losses[i];
            } else {
                System.arraycopy(history, first + 1, history, first, KEPT - 1);
                history[first + KEPT - 1] = losses[i];
            }
        }
    }

    @Override
    public Map<String, float[]> state() {
        float[] n = new float[counts.length];
        for (int t = 0; t < n.length; t++) {
            n[t] = counts[t];
        }
        return new TreeMap<>(Map.of(HISTORY, history.clone(), COUNTS, n));
    }

    @Override
    public void restore(Map<String, float[]> state) {
        float[] losses = state.get(HISTORY);
        float[] n = state.get(COUNTS);
        if (losses == null || n == null || losses.length != history.length || n.length != counts.length) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    "the checkpoint's state of loss-aware timesteps: expected '" + HISTORY + "' with " + history.length
                            + " values and '" + COUNTS + "' with " + counts.length + ", received " + state.keySet()
                            + "; delete the checkpoint to start this stage anew");
        }
        System.arraycopy(losses, 0, history, 0, history.length);
        for (int t = 0; t < n.length; t++) {
            counts[t] = (int) n[t];
        }
    }
}

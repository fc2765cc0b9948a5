package org.maskrt.trainer;

/**
 * How weights follow gradients.
 *
 * @param learningRate of AdamW after the warm-up
 * @param warmupSteps over which the learning rate rises linearly from 0
 * @param cosine whether it then falls to 0 along a half cosine until the last step
 * @param weightDecay decoupled, per unit of learning rate
 * @param clipNorm the largest global norm of a gradient; larger ones are scaled down to it
 * @param emaDecay of the average of the weights, reached by min(decay, (1 + n) / (10 + n))
 */
public record OptimizerConfig(
        double learningRate, int warmupSteps, boolean cosine, double weightDecay, double clipNorm, double emaDecay) {
    /** The learning rate of step {@code step} (from 0) of {@code steps}. */
    public double rate(long step, long steps) {
        double rate = learningRate * Math.min(1, (double) (step + 1) / Math.max(1, warmupSteps));
        if (!cosine || step < warmupSteps) {
            return rate;
        }
        double done = (double) (step - warmupSteps) / Math.max(1, steps - warmupSteps);
        return rate * 0.5 * (1 + Math.cos(Math.PI * done));
    }

    /** The weight that the average keeps at its update number {@code n}, from 0. */
    public double emaDecay(long n) {
        return Math.min(emaDecay, (double) (1 + n) / (double) (10 + n));
    }
}

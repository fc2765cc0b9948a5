package org.maskrt.models.diffusion;

/**
 * One step of a sampler without learned variance: {@code x' = a x + b eps + c h + d z}, where h is what the step before left in memory
 * ({@link Step#memory}; for the graph that runs it this is the input {@code eps_prev}).
 *
 * @param a factor of the sample
 * @param b factor of the predicted noise
 * @param c factor of the memory; 0 where the step needs none
 * @param d factor of fresh noise; 0 where the step draws none
 */
public record StepCoefficients(double a, double b, double c, double d) {
    /** Whether the step needs fresh noise. */
    public boolean stochastic() {
        return d != 0;
    }

    /**
     * The step on the host, element by element in float64; {@code next} may be any of the inputs.
     *
     * @throws IllegalArgumentException if the lengths differ
     */
    public void apply(float[] x, float[] eps, float[] memory, float[] noise, float[] next) {
        if (eps.length != x.length
                || memory.length != x.length
                || noise.length != x.length
                || next.length != x.length) {
            throw new IllegalArgumentException("a step needs x, eps, memory, noise and next of one length, got "
                    + x.length + ", " + eps.length + ", " + memory.length + ", " + noise.length + ", " + next.length);
        }
        for (int i = 0; i < x.length; i++) {
            next[i] = (float) (a * x[i] + b * eps[i] + c * memory[i] + d * noise[i]);
        }
    }
}

package org.maskrt.models.diffusion;

/**
 * One step of a plan.
 *
 * @param timestep the timestep that the model sees, 0 to T - 1
 * @param coefficients the update of the sample
 * @param memory what this step leaves for the next one's {@code eps_prev}
 */
public record Step(int timestep, StepCoefficients coefficients, Memory memory) {
    /**
     * What a step leaves behind: {@code h = x * sample + eps * predicted noise}, both as they were before the update.
     *
     * @param x factor of the sample
     * @param eps factor of the predicted noise
     */
    public record Memory(double x, double eps) {
        /** Nothing that a later step reads; the predicted noise itself will do. */
        public static final Memory EPS = new Memory(0, 1);

        /**
         * The memory on the host; {@code h} may be either input.
         *
         * @throws IllegalArgumentException if the lengths differ
         */
        public void apply(float[] sample, float[] predicted, float[] h) {
            if (predicted.length != sample.length || h.length != sample.length) {
                throw new IllegalArgumentException("a memory needs sample, eps and h of one length, got "
                        + sample.length + ", " + predicted.length + ", " + h.length);
            }
            for (int i = 0; i < sample.length; i++) {
                h[i] = (float) (x * sample[i] + eps * predicted[i]);
            }
        }
    }
}

package org.maskrt.models.diffusion;

import java.util.ArrayList;
import java.util.List;

/**
 * Ancestral sampling with a learned variance: Ho et al. 2020, algorithm 2, with the variance of Nichol and Dhariwal 2021, equation 15.
 * The model's output has twice the channels of the sample: the predicted noise, then v. x_0 is not clipped, as in DiT and MDT.
 */
public final class Ddpm {
    private Ddpm() {}

    /** The steps from pure noise to the image, in the order in which they run: the highest timestep first. */
    public static List<Step> plan(NoiseSchedule schedule) {
        List<Step> plan = new ArrayList<>(schedule.steps());
        for (int i = schedule.steps() - 1; i >= 0; i--) {
            double alphaBar = schedule.alphaCumprod(i);
            double x0 = schedule.posteriorMeanX0(i);
            plan.add(new Step(
                    schedule.timestep(i),
                    x0 / Math.sqrt(alphaBar) + schedule.posteriorMeanXt(i),
                    -x0 * Math.sqrt(1 / alphaBar - 1),
                    schedule.posteriorLogVariance(i),
                    i == 0 ? Double.NEGATIVE_INFINITY : Math.log(schedule.beta(i))));
        }
        return plan;
    }

    /**
     * One step: {@code x' = a x + b eps + exp(logVariance / 2) z}, where the log variance lies at (v + 1) / 2 of the way from
     * {@code minLogVariance} to {@code maxLogVariance}.
     *
     * @param timestep the timestep that the model sees, 0 to T - 1
     * @param a factor of the sample
     * @param b factor of the predicted noise
     * @param minLogVariance log of the posterior's variance
     * @param maxLogVariance log beta; minus infinity at the last step, which adds no noise
     */
    public record Step(int timestep, double a, double b, double minLogVariance, double maxLogVariance) {
        /** Whether the step needs fresh noise: all but the last. */
        public boolean stochastic() {
            return maxLogVariance != Double.NEGATIVE_INFINITY;
        }

        /**
         * The step on the host, in float64.
         *
         * @param x [B,C,H,W]
         * @param output [B,2C,H,W], after guidance
         * @param noise [B,C,H,W]; read only where the step is {@link #stochastic}
         * @param next [B,C,H,W]; may be x or noise
         * @param batch B
         * @throws IllegalArgumentException if the lengths do not fit
         */
        public void apply(float[] x, float[] output, float[] noise, float[] next, int batch) {
            if (batch < 1
                    || x.length % batch != 0
                    || output.length != 2 * x.length
                    || noise.length != x.length
                    || next.length != x.length) {
                throw new IllegalArgumentException(
                        "a step needs x, noise and next of one length and an output of twice that for "
                                + batch + " images, got " + x.length + ", " + noise.length + ", " + next.length
                                + " and "
                                + output.length);
            }
            int image = x.length / batch;
            for (int i = 0; i < x.length; i++) {
                int eps = i / image * 2 * image + i % image;
                double mean = a * x[i] + b * output[eps];
                next[i] = (float) (stochastic() ? mean + deviation(output[eps + image]) * noise[i] : mean);
            }
        }

        private double deviation(float v) {
            double fraction = (v + 1.0) / 2;
            return Math.exp((fraction * maxLogVariance + (1 - fraction) * minLogVariance) / 2);
        }
    }
}

package org.maskrt.models.diffusion;

import org.maskrt.models.Checks;

/**
 * The sampler of EDM (Karras et al., 2022, algorithm 2): Heun's second-order steps over noise levels, the state in fp64, with as much stochastic
 * churn as asked for.
 *
 * @param steps N; each but the last evaluates the network twice
 * @param sigmaMin the last noise level before 0
 * @param sigmaMax the first noise level
 * @param rho how strongly levels gather at low noise
 * @param churn new noise
 */
public record HeunSampler(int steps, double sigmaMin, double sigmaMax, double rho, Churn churn) {
    /**
     * New noise at each step within a range of noise levels.
     *
     * @param amount S_churn, 0 for a deterministic sampler
     * @param from S_min
     * @param to S_max
     * @param deviation S_noise
     */
    public record Churn(double amount, double from, double to, double deviation) {
        public static final Churn NONE = new Churn(0, 0, Double.POSITIVE_INFINITY, 1);
    }

    /** The denoiser D. */
    @FunctionalInterface
    public interface Denoised {
        /** The estimate of the clean latents from noisy ones, both fp32 of one length; the result is not kept. */
        float[] at(float[] noisy, double sigma);
    }

    /** Standard normal values. */
    @FunctionalInterface
    public interface Noise {
        /** {@code count} of them for step {@code step}. */
        float[] of(int step, int count);
    }

    public HeunSampler {
        Checks.require(steps >= 2, "EDM sampler", "steps", "2 or more", steps);
        Checks.require(
                sigmaMin > 0 && sigmaMin < sigmaMax,
                "EDM sampler",
                "sigma_min",
                "positive and below sigma_max " + sigmaMax,
                sigmaMin);
        Checks.require(rho > 0, "EDM sampler", "rho", "positive", rho);
    }

    /** The published range: 0.002 to 80, rho 7, deterministic. */
    public static HeunSampler of(int steps) {
        return new HeunSampler(steps, 0.002, 80, 7, Churn.NONE);
    }

    /** The noise levels, of which the last is 0: {@code steps + 1} of them (equation 5). */
    public double[] sigmas() {
        double[] out = new double[steps + 1];
        double first = Math.pow(sigmaMax, 1 / rho);
        double last = Math.pow(sigmaMin, 1 / rho);
        for (int i = 0; i < steps; i++) {
            out[i] = Math.pow(first + (double) i / (steps - 1) * (last - first), rho);
        }
        return out;
    }

    /** Runs of the network that {@link #sample} makes. */
    public int evaluations() {
        return 2 * steps - 1;
    }

    /** The noise levels at which {@link #sample} runs the network, in order: {@link #evaluations} of them. */
    public float[] evaluated() {
        double[] sigma = sigmas();
        float[] out = new float[evaluations()];
        for (int i = 0; i < steps; i++) {
            out[2 * i] = (float) churned(sigma[i]);
            if (i + 1 < steps) {
                out[2 * i + 1] = (float) sigma[i + 1];
            }
        }
        return out;
    }

    /**
     * Samples.
     *
     * @param start standard normal latents
     * @return the latents at noise 0
     */
    public double[] sample(float[] start, Denoised network, Noise noise) {
        double[] sigma = sigmas();
        double[] x = new double[start.length];
        for (int k = 0; k < x.length; k++) {
            x[k] = start[k] * sigma[0];
        }
        for (int i = 0; i < steps; i++) {
            double hat = churned(sigma[i]);
            if (hat > sigma[i]) {
                double fresh = Math.sqrt(hat * hat - sigma[i] * sigma[i]) * churn.deviation;
                float[] z = noise.of(i, x.length);
                for (int k = 0; k < x.length; k++) {
                    x[k] += fresh * z[k];
                }
            }
            x = step(x, hat, sigma[i + 1], network);
        }
        return x;
    }

    private double churned(double sigma) {
        boolean churns = churn.from <= sigma && sigma <= churn.to;
        return sigma * (1 + (churns ? Math.min(churn.amount / steps, Math.sqrt(2) - 1) : 0));
    }

    /** Euler's step, and Heun's correction unless it ends at 0. */
    private static double[] step(double[] x, double from, double to, Denoised network) {
        double[] slope = slope(x, from, network);
        double[] next = new double[x.length];
        for (int k = 0; k < x.length; k++) {
            next[k] = x[k] + (to - from) * slope[k];
        }
        if (to == 0) {
            return next;
        }
        double[] corrected = slope(next, to, network);
        for (int k = 0; k < x.length; k++) {
            next[k] = x[k] + (to - from) * 0.5 * (slope[k] + corrected[k]);
        }
        return next;
    }

    private static double[] slope(double[] x, double sigma, Denoised network) {
        float[] rounded = new float[x.length];
        for (int k = 0; k < x.length; k++) {
            rounded[k] = (float) x[k];
        }
        float[] clean = network.at(rounded, sigma);
        double[] out = new double[x.length];
        for (int k = 0; k < x.length; k++) {
            out[k] = (x[k] - clean[k]) / sigma;
        }
        return out;
    }
}

package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.mdt.Mdt;

/**
 * The published training loss of DiT and MDT: the squared error of the predicted noise, and, where the model learns the variance, the variational
 * bound with the mean held fixed (Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021, section 3.1). All per sample.
 */
public final class DiffusionLoss {
    /** Half the distance of two grey levels in [-1,1]. */
    private static final float HALF_LEVEL = 1f / 255;

    private static final float EDGE = 0.999f;
    private static final float LEAST_PROBABILITY = 1e-12f;

    private static final double MDT_V2_SNR_CAP = 5;

    private final NdOps ops;
    private final NoiseSchedule schedule;
    private final double snrCap;

    /**
     * The loss on a schedule.
     *
     * @param snrCap gamma of the min-SNR weighting of the squared error, min(SNR, gamma) / SNR (Hang et al., "Efficient diffusion training via
     *     min-SNR weighting strategy", 2023); infinity weighs all timesteps alike
     */
    public DiffusionLoss(NdOps ops, NoiseSchedule schedule, double snrCap) {
        this.ops = ops;
        this.schedule = schedule;
        this.snrCap = snrCap;
    }

    /** The gamma with which a family is published: 5 for MDT v2, none for DiT and MDT v1. */
    public static double publishedSnrCap(Denoiser model) {
        return model instanceof Mdt mdt && mdt.config().version() == 2 ? MDT_V2_SNR_CAP : Double.POSITIVE_INFINITY;
    }

    /**
     * Samples on their way to noise.
     *
     * @param clean x_0, row-major [B,C,H,W]
     * @param noise of the same length
     * @param timesteps one for each of the B samples
     * @param dims B, C, H, W
     */
    public record Noised(float[] clean, float[] noise, int[] timesteps, int[] dims) {
        /** Checks the lengths. */
        public Noised {
            int size = dims[0] * dims[1] * dims[2] * dims[3];
            if (clean.length != size || noise.length != size || timesteps.length != dims[0]) {
                throw new IllegalArgumentException("noised samples of " + dims[0] + "x" + dims[1] + "x" + dims[2] + "x"
                        + dims[3] + " need " + size + " values, as much noise and " + dims[0] + " timesteps, got "
                        + clean.length + ", " + noise.length + " and " + timesteps.length);
            }
        }
    }

    /** Loss and its two parts, each [B]; {@code loss = mse + vb}. */
    public record Terms(NDArray mse, NDArray vb, NDArray loss) {}

    /** x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) noise (Ho et al., 2020, equation 4), row-major [B,C,H,W]. */
    public float[] sample(Noised n) {
        return sample(schedule, n);
    }

    static float[] sample(NoiseSchedule schedule, Noised n) {
        float[] out = new float[n.clean.length];
        int stride = out.length / n.timesteps.length;
        for (int b = 0; b < n.timesteps.length; b++) {
            double bar = schedule.alphaCumprod(n.timesteps[b]);
            float signal = (float) Math.sqrt(bar);
            float spread = (float) Math.sqrt(1 - bar);
            for (int i = b * stride; i < (b + 1) * stride; i++) {
                out[i] = signal * n.clean[i] + spread * n.noise[i];
            }
        }
        return out;
    }

    /** The terms of a model's output [B,C,H,W], or [B,2C,H,W] with the variance (Nichol and Dhariwal, equation 15) after the noise. */
    public Terms terms(NDArray output, Noised n) {
        int c = n.dims[1];
        NDArray noise = ops.constant(n.noise, n.dims);
        boolean learned = NdOps.dims(output)[1] == 2 * c;
        NDArray predicted = learned ? ops.slice(output, 1, 0, c) : output;
        NDArray error = ops.sub(predicted, noise);
        NDArray mse = ops.mul(perSample(error.square()), ops.constant(weights(n), n.timesteps.length));
        if (!learned) {
            return new Terms(mse, mse.mul(0), mse);
        }
        NDArray vb = bound(ops.slice(output, 1, c, 2 * c), ops.stopGradient(error), n);
        return new Terms(mse, vb, ops.add(mse, vb));
    }

    private float[] weights(Noised n) {
        float[] weights = new float[n.timesteps.length];
        for (int b = 0; b < weights.length; b++) {
            double bar = schedule.alphaCumprod(n.timesteps[b]);
            weights[b] = (float) Math.min(1, snrCap * (1 - bar) / bar);
        }
        return weights;
    }

    /**
     * In bits per value: the divergence of p(x_{t-1} | x_t) from the posterior, or at t = 0 the negative log-likelihood of x_0.
     *
     * @param error predicted minus true noise; the means differ by a multiple of it
     */
    private NDArray bound(NDArray variance, NDArray error, Noised n) {
        int b = n.timesteps.length;
        float[] low = new float[b];
        float[] range = new float[b];
        float[] meanShift = new float[b];
        float[] decodes = new float[b];
        for (int i = 0; i < b; i++) {
            int t = n.timesteps[i];
            double bar = schedule.alphaCumprod(t);
            low[i] = (float) schedule.posteriorLogVariance(t);
            range[i] = (float) (Math.log(schedule.beta(t)) - schedule.posteriorLogVariance(t));
            meanShift[i] = (float) (schedule.posteriorMeanX0(t) * Math.sqrt(1 / bar - 1));
            decodes[i] = t == 0 ? 1 : 0;
        }
        NDArray least = ops.constant(low, b, 1, 1, 1);
        NDArray fraction = ops.scale(ops.shift(variance, 1), 0.5f);
        NDArray logVariance = ops.add(least, ops.mul(fraction, ops.constant(range, b, 1, 1, 1)));
        // the posterior's mean minus the model's
        NDArray distance = ops.mul(error, ops.constant(meanShift, b, 1, 1, 1));
        NDArray kl = normalKl(distance, least, logVariance);
        NDArray bits = kl;
        if (java.util.stream.IntStream.of(n.timesteps).anyMatch(t -> t == 0)) {
            NDArray first = ops.constant(decodes, b, 1, 1, 1);
            NDArray likelihood = logLikelihood(ops.constant(n.clean, n.dims), distance, logVariance);
            bits = ops.sub(kl, ops.mul(first, ops.add(kl, likelihood)));
        }
        return ops.scale(perSample(bits), (float) (1 / Math.log(2)));
    }

    /** KL of two normals: 0.5 (log v2 - log v1 - 1 + v1 / v2 + d^2 / v2). */
    private NDArray normalKl(NDArray distance, NDArray logV1, NDArray logV2) {
        NDArray precision = ops.exp(ops.scale(logV2, -1));
        NDArray ratio = ops.sub(logV2, logV1);
        NDArray sum = ops.add(ops.exp(ops.scale(ratio, -1)), ops.mul(distance.square(), precision));
        return ops.scale(ops.shift(ops.add(ratio, sum), -1), 0.5f);
    }

    /** The log-probability of a grey level under a normal whose mean lies {@code distance} below it; the outermost levels reach to infinity. */
    private NDArray logLikelihood(NDArray x, NDArray distance, NDArray logVariance) {
        NDArray inverse = ops.exp(ops.scale(logVariance, -0.5f));
        NDArray above = cumulative(ops.mul(ops.shift(distance, HALF_LEVEL), inverse));
        NDArray below = cumulative(ops.mul(ops.shift(distance, -HALF_LEVEL), inverse));
        NDArray least = ops.constant(new float[] {LEAST_PROBABILITY}, 1);
        NDArray black = x.lt(-EDGE);
        NDArray white = x.gt(EDGE);
        NDArray upper = ai.djl.ndarray.NDArrays.where(white, above.onesLike(), above);
        NDArray lower = ai.djl.ndarray.NDArrays.where(black, below.zerosLike(), below);
        return ai.djl.ndarray.NDArrays.maximum(ops.sub(upper, lower), least).log();
    }

    /** The normal's cumulative distribution, by the published tanh approximation. */
    private NDArray cumulative(NDArray x) {
        NDArray inner = ops.mul(x, ops.shift(ops.scale(x.square(), 0.044715f), 1));
        return ops.scale(ops.shift(ops.tanh(ops.scale(inner, (float) Math.sqrt(2 / Math.PI))), 1), 0.5f);
    }

    private NDArray perSample(NDArray x) {
        return ops.reshape(x, NdOps.dims(x)[0], -1).mean(new int[] {1});
    }
}

package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.diffusion.Edm;
import org.maskrt.models.maskdit.MaskDitConfig;
import org.maskrt.models.mdt.MaskPlan;

/**
 * MaskDiT's loss (Zheng et al., 2023, section 3.3): EDM's weighted squared error on the patches that the encoder saw, and with a small weight the
 * reconstruction of the others, whose targets are normalised patch by patch (MAE).
 */
final class EdmLoss {
    private static final double NORMAL_EPS = 1e-6;

    private final NdOps ops;
    private final MaskDitConfig config;
    private final Edm edm;
    private final double maeWeight;

    /** @param maeWeight lambda of the reconstruction */
    EdmLoss(NdOps ops, MaskDitConfig config, double maeWeight) {
        this.ops = ops;
        this.config = config;
        this.edm = new Edm(config.sigmaData());
        this.maeWeight = maeWeight;
    }

    /**
     * A clean batch with noise.
     *
     * @param clean y, [B,C,H,W]
     * @param sigma the noise levels [B]
     * @param noisy y + sigma n
     */
    record Noised(float[] clean, float[] sigma, float[] noisy) {
        /** @param normal n, standard normal */
        static Noised of(float[] clean, float[] sigma, float[] normal) {
            float[] noisy = new float[clean.length];
            int row = clean.length / sigma.length;
            for (int i = 0; i < noisy.length; i++) {
                noisy[i] = clean[i] + normal[i] * sigma[i / row];
            }
            return new Noised(clean, sigma, noisy);
        }

        /** A part of the batch. */
        Noised rows(Rows rows) {
            int b = sigma.length;
            return new Noised(rows.of(clean, b), rows.of(sigma, b), rows.of(noisy, b));
        }
    }

    Edm edm() {
        return edm;
    }

    private int[] dims(int batch) {
        return new int[] {batch, config.inChannels(), config.inputSize(), config.inputSize()};
    }

    /**
     * The loss of each sample, [B].
     *
     * @param denoised D(noisy; sigma), [B,C,H,W]
     * @param plan what the encoder saw; null for all of it
     */
    NDArray of(NDArray denoised, Noised n, @Nullable MaskPlan plan) {
        int batch = n.sigma.length;
        float[] weight = new float[batch];
        for (int i = 0; i < batch; i++) {
            weight[i] = edm.weight(n.sigma[i]);
        }
        NDArray error = ops.sub(denoised, ops.constant(n.clean, dims(batch)));
        NDArray weighted = ops.mul(error.square(), ops.constant(weight, batch, 1, 1, 1));
        if (plan == null) {
            return ops.mean(
                            ops.reshape(weighted, batch, config.inChannels() * config.inputSize() * config.inputSize()),
                            1)
                    .reshape(batch);
        }
        NDArray mask = ops.reshape(ops.array(plan.mask()), batch, config.tokens());
        NDArray seen = ops.shift(ops.scale(mask, -1), 1);
        NDArray target = ops.constant(normalised(n.noisy, batch), dims(batch));
        NDArray rebuilt = masked(patchMeans(ops.sub(denoised, target).square()), mask);
        return ops.add(masked(patchMeans(weighted), seen), ops.scale(rebuilt, (float) maeWeight));
    }

    /** The mean of [B,N] over the tokens where {@code weight} is 1. */
    private NDArray masked(NDArray x, NDArray weight) {
        return ops.div(ops.mul(x, weight).sum(new int[] {1}), weight.sum(new int[] {1}));
    }

    /** The mean of each patch: [B,C,H,W] to [B,N]. */
    private NDArray patchMeans(NDArray x) {
        int p = config.patchSize();
        int side = config.inputSize() / p;
        NDArray cut = ops.transpose(ops.reshape(x, -1, config.inChannels(), side, p, side, p), 0, 2, 4, 1, 3, 5);
        return ops.reshape(
                ops.mean(ops.reshape(cut, -1, config.tokens(), config.inChannels() * p * p), 2), -1, config.tokens());
    }

    /** Each patch with mean 0 and (unbiased) variance 1. */
    private float[] normalised(float[] x, int batch) {
        int p = config.patchSize();
        int side = config.inputSize();
        int channels = config.inChannels();
        int count = channels * p * p;
        float[] out = new float[x.length];
        int[] at = new int[count];
        for (int b = 0; b < batch; b++) {
            for (int row = 0; row < side; row += p) {
                for (int column = 0; column < side; column += p) {
                    double sum = 0;
                    double squares = 0;
                    for (int i = 0; i < count; i++) {
                        int channel = i / (p * p);
                        int y = row + i / p % p;
                        at[i] = ((b * channels + channel) * side + y) * side + column + i % p;
                        sum += x[at[i]];
                    }
                    double mean = sum / count;
                    for (int i : at) {
                        squares += (x[i] - mean) * (x[i] - mean);
                    }
                    double deviation = Math.sqrt(squares / (count - 1) + NORMAL_EPS);
                    for (int i : at) {
                        out[i] = (float) ((x[i] - mean) / deviation);
                    }
                }
            }
        }
        return out;
    }
}

package org.maskrt.calibration;

/** The bias takes what quantised weights shift on average (Nagel et al. 2019, "Data-Free Quantization", section 4.2). */
public final class BiasCorrection {
    private BiasCorrection() {}

    /**
     * c = (W - W~) E[x], so that E[x W~^T + b + c] is E[x W^T + b].
     *
     * @param weight W, row-major [out, in]
     * @param rounded W~, what the quantised weights amount to for the same x: Q(W s) / s
     * @param mean E[x], [in]
     * @return [out]
     */
    public static float[] of(float[] weight, float[] rounded, double[] mean) {
        int in = mean.length;
        float[] c = new float[weight.length / in];
        for (int o = 0; o < c.length; o++) {
            double sum = 0;
            for (int i = 0; i < in; i++) {
                sum += ((double) weight[o * in + i] - rounded[o * in + i]) * mean[i];
            }
            c[o] = (float) sum;
        }
        return c;
    }
}

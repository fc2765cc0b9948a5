package org.maskrt.models.diffusion;

/**
 * The preconditioning of EDM (Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", 2022, table 1), in fp32 as the
 * published code computes it.
 *
 * @param sigmaData standard deviation of the data
 */
public record Edm(double sigmaData) {
    /**
     * c_skip, c_out and c_in of each noise level, [n,3].
     *
     * @param sigma standard deviations of the noise
     */
    public float[] scaling(float[] sigma) {
        float[] out = new float[3 * sigma.length];
        float data2 = (float) (sigmaData * sigmaData);
        for (int i = 0; i < sigma.length; i++) {
            float s2 = sigma[i] * sigma[i];
            float root = (float) Math.sqrt(s2 + data2);
            out[3 * i] = data2 / (s2 + data2);
            out[3 * i + 1] = (float) (sigma[i] * sigmaData) / root;
            out[3 * i + 2] = 1 / root;
        }
        return out;
    }

    /** c_noise = ln(sigma)/4 of each noise level. */
    public static float[] noise(float[] sigma) {
        float[] out = new float[sigma.length];
        for (int i = 0; i < sigma.length; i++) {
            out[i] = (float) Math.log(sigma[i]) / 4;
        }
        return out;
    }

    /** The weight of the squared error in the loss: (sigma^2 + sigma_data^2) / (sigma sigma_data)^2. */
    public float weight(float sigma) {
        double product = sigma * sigmaData;
        return (float) ((sigma * sigma + sigmaData * sigmaData) / (product * product));
    }
}

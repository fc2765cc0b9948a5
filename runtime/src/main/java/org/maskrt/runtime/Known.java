package org.maskrt.runtime;

import org.jspecify.annotations.Nullable;

/**
 * The part of a picture's latents that is known, the same for every row of a batch.
 *
 * @param latent [C,H,W], clean; anything where it is not known
 * @param unknown [H*W], whether a place is not known
 * @param hidden [N], 1 for tokens that the encoder must not see; null for models that see everything
 */
record Known(float[] latent, boolean[] unknown, float @Nullable [] hidden) {
    /**
     * Replaces the known part of each row by {@code signal} times the latent plus {@code deviation} times the noise.
     *
     * @param sample [B,C,H,W]
     * @param noise [B,C,H,W]
     */
    void renew(float[] sample, float[] noise, double signal, double deviation) {
        for (int i = 0; i < sample.length; i++) {
            if (!unknown[i % unknown.length]) {
                sample[i] = (float) (signal * latent[i % latent.length] + deviation * noise[i]);
            }
        }
    }
}

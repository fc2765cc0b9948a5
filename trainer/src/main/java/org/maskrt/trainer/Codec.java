package org.maskrt.trainer;

import ai.djl.Device;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;

/**
 * A trained autoencoder between pictures and the latents that a denoiser has.
 *
 * @param eager its weights
 * @param model of them
 * @param device where they are
 */
record Codec(EagerModel eager, AutoencoderKl model, Device device) {
    /** The shape of a latent of pictures of {@code size} pixels, [C,h,w]. */
    Shape latent(int size) {
        int side = size / model.config().downsampling();
        return Shape.of(model.config().latentChannels(), side, side);
    }

    /** Pictures [B,3,S,S] to means and log-variances [B,2C,h,w], not scaled. */
    Tensor moments(Tensor pictures) {
        return eager.encode(model, pictures);
    }

    /** Pictures [B,3,S,S] to the means of their latents [B,C,h,w], not scaled. */
    Tensor means(Tensor pictures) {
        return eager.run(
                (ops, p, in) -> ops.slice(
                        model.encode(ops, p, in.get(0)), 1, 0, model.config().latentChannels()),
                pictures);
    }

    /** Multiplies latents by the scaling factor. */
    void scale(float[] latents) {
        float factor = (float) model.config().scalingFactor();
        for (int i = 0; i < latents.length; i++) {
            latents[i] *= factor;
        }
    }

    /** Scaled latents [B,C,h,w] to pictures [B,3,S,S]. */
    Tensor decode(Tensor latents) {
        float factor = (float) model.config().scalingFactor();
        return eager.run((ops, p, in) -> model.decode(ops, p, ops.scale(in.get(0), 1 / factor)), latents);
    }
}

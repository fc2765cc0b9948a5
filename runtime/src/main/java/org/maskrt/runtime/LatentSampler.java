package org.maskrt.runtime;

import org.maskrt.models.Denoiser;

/** From noise to latents, by the steps of one request. */
interface LatentSampler {
    /** Steps that progress is counted in. */
    int steps();

    /** How many of them run as one {@code guided_step}. */
    int fusedSteps();

    /** Loads what is needed; how many rows a batch of {@code count} pictures has. */
    int rows(int count, int maxBatch);

    /** One batch, filled up to as many rows as the graphs want: latents [B,C,H,W], of which those of the pictures come first. */
    float[] sample(Batch batch, NoiseSource noise, SamplingLoop.Watch watch);

    /** Elements of one latent [C,H,W]. */
    static int size(Denoiser model) {
        return model.inChannels() * model.inputSize() * model.inputSize();
    }

    /** Rows of a batch: what the graphs fix, or else as even a split of {@code count} as {@code maxBatch} allows. */
    static int rows(int fixed, int count, int maxBatch) {
        if (fixed > 0) {
            return fixed;
        }
        int batches = (count + maxBatch - 1) / maxBatch;
        return (count + batches - 1) / batches;
    }

    /** The batch that a graph fixes; negative where any is taken. */
    static int fixedBatch(Graph graph) {
        return graph.signature().inputs().get(0).shape().dim(0);
    }
}

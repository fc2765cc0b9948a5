package org.maskrt.runtime;

/**
 * How long the stages of a generation took, over all its batches.
 *
 * @param loadMillis graphs that were loaded for it
 * @param conditionMillis modulations
 * @param denoiseMillis the sampler's steps
 * @param decodeMillis latents to pictures
 * @param steps of the sampler, over all batches
 */
public record Timings(double loadMillis, double conditionMillis, double denoiseMillis, double decodeMillis, int steps) {
    /** Mean time of one step of one batch. */
    public double millisPerStep() {
        return denoiseMillis / steps;
    }

    /** All stages together. */
    public double totalMillis() {
        return loadMillis + conditionMillis + denoiseMillis + decodeMillis;
    }
}

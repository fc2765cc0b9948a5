package org.maskrt.runtime;

import org.jspecify.annotations.Nullable;
import org.maskrt.runtime.device.MemoryUse;

/**
 * How long the stages of a generation took, over all its batches.
 *
 * @param loadMillis graphs that were loaded for it
 * @param conditionMillis modulations
 * @param denoiseMillis the sampler's steps
 * @param decodeMillis latents to pictures
 * @param steps of the sampler, over all batches
 * @param passes of rows through the model, over all steps: two of each row in a step on both halves, fewer where a half is skipped or reused
 * @param memory the most that its device had in use since the pipeline was opened; null where there is none
 */
public record Timings(
        double loadMillis,
        double conditionMillis,
        double denoiseMillis,
        double decodeMillis,
        int steps,
        long passes,
        @Nullable MemoryUse memory) {
    /** Mean time of one step of one batch. */
    public double millisPerStep() {
        return denoiseMillis / steps;
    }

    /** All stages together. */
    public double totalMillis() {
        return loadMillis + conditionMillis + denoiseMillis + decodeMillis;
    }
}

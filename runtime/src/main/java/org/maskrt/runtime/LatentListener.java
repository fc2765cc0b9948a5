package org.maskrt.runtime;

/** Sees the latents of a run between its steps, and may change them. */
@FunctionalInterface
public interface LatentListener {
    /**
     * After a step; what it throws ends the run.
     *
     * @param i number of the step, from 0
     * @param latents [n,C,H,W] that the step gave; with {@link Sampling.Method#HEUN} the denoised estimate of evaluation {@code i}. The next step takes
     *     what is in them afterwards.
     */
    void stepped(int i, float[] latents);
}

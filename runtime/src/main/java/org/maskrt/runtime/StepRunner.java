package org.maskrt.runtime;

import org.maskrt.models.Denoiser;

/** Runs single steps of a plan on one batch; the two implementations give the same numbers but for rounding. */
interface StepRunner {
    /**
     * What the steps are of.
     *
     * @param plan the steps
     * @param modulations of them
     * @param batch the rows
     */
    record Setup(Denoiser model, SamplingPlan plan, Modulations modulations, Batch batch) {}

    /**
     * What a step works on, on the host.
     *
     * @param sample [B,C,H,W], replaced by the step's result
     * @param memory [B,C,H,W], what the step before left; replaced where the next step reads it
     * @param noise [B,C,H,W], fresh where the step is stochastic
     */
    record State(float[] sample, float[] memory, float[] noise) {}

    /** The graph that runs. */
    String graph();

    /**
     * Step {@code i} of the plan, whose modulations are prepared.
     *
     * @param changed whether the sample is another than the one that the step before left
     * @return how many rows the model ran, of both halves
     */
    int step(int i, State state, boolean changed);
}

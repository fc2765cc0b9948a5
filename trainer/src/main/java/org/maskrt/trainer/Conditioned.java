package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import org.maskrt.models.ops.Params;

/** The clean latents of one training step, and what the denoiser is told about each. */
interface Conditioned {
    /** How many, B. */
    int size();

    /** A part of them. */
    Conditioned rows(Rows rows);

    /** x_0, row-major [B,C,h,w], scaled for the denoiser; not copied. */
    float[] latents();

    /** What the denoiser takes: the noisy latents [B,C,h,w], after the hint where the model has one. */
    NDArray sample(NdOps ops, NDArray noisy);

    /**
     * The conditions: class indices [B], or vectors [B,W] that the model's own parameters make.
     *
     * @param dropped which of the B become the null condition
     */
    NDArray condition(NdOps ops, Params<NDArray> p, boolean[] dropped);
}

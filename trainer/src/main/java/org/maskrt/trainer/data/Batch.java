package org.maskrt.trainer.data;

import org.maskrt.models.ops.Tensor;

/**
 * The pictures or latents of one step.
 *
 * @param step the step, from 0
 * @param values {@code [B,C,H,W]}
 * @param labels class indices {@code [B]}
 */
public record Batch(long step, Tensor values, Tensor labels) {}

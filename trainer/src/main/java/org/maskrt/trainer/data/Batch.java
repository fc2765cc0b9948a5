package org.maskrt.trainer.data;

/**
 * The pictures or latents of one step.
 *
 * @param step the step, from 0
 * @param values {@code [B,C,H,W]}, row-major; not copied
 * @param labels class indices {@code [B]}; not copied
 */
public record Batch(long step, float[] values, long[] labels) {}

package org.maskrt.trainer.data;

/**
 * One picture and its class.
 *
 * @param chw red, green and blue planes {@code [3,S,S]} in [-1,1], row-major; not copied
 * @param label class index from 0
 */
public record Sample(float[] chw, int label) {}

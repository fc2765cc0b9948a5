package org.maskrt.runtime;

import org.maskrt.models.ops.Tensor;

/**
 * What an E-MD3C is told of n objects and scenes.
 *
 * @param conditions [n,W]
 * @param hints [n,C,H,W]
 */
public record ObjectInputs(Tensor conditions, Tensor hints) {}

package org.maskrt.runtime;

import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;

/**
 * Classifier-free guidance of a generation.
 *
 * @param guidance the weight at each timestep
 * @param channels on which it acts
 * @param skipTolerance a step whose weight is this close to 1 (or 0) runs without the unconditional (conditional) half; 0 skips only where
 *     that half has no influence at all
 */
public record GuidanceOptions(Guidance guidance, GuidedChannels channels, double skipTolerance) {
    /** No guidance. */
    public static final GuidanceOptions NONE = of(Guidance.none());

    /** The published channels, nothing skipped that has an influence. */
    public static GuidanceOptions of(Guidance guidance) {
        return new GuidanceOptions(guidance, GuidedChannels.REFERENCE, 0);
    }
}

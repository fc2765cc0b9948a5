package org.maskrt.runtime;

import org.maskrt.models.diffusion.DirectionReuse;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;

/**
 * Classifier-free guidance of a generation.
 *
 * @param guidance the weight at each timestep
 * @param channels on which it acts
 * @param skipTolerance a step whose weight is this close to 1 (or 0) runs without the unconditional (conditional) half; 0 skips only where
 *     that half has no influence at all
 * @param reuse the error of the predicted picture up to which steps do without the unconditional half, see {@link DirectionReuse}; 0 reuses nothing
 */
public record GuidanceOptions(Guidance guidance, GuidedChannels channels, double skipTolerance, double reuse) {
    /** No guidance. */
    public static final GuidanceOptions NONE = of(Guidance.none());

    /** Checks the tolerance. */
    public GuidanceOptions {
        DirectionReuse.requireTolerance(reuse);
    }

    /** Without reuse. */
    public GuidanceOptions(Guidance guidance, GuidedChannels channels, double skipTolerance) {
        this(guidance, channels, skipTolerance, 0);
    }

    /** These options with another {@link #reuse}. */
    public GuidanceOptions withReuse(double tolerance) {
        return new GuidanceOptions(guidance, channels, skipTolerance, tolerance);
    }

    /** The published channels, nothing skipped that has an influence. */
    public static GuidanceOptions of(Guidance guidance) {
        return new GuidanceOptions(guidance, GuidedChannels.REFERENCE, 0);
    }
}

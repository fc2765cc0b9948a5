package org.maskrt.runtime;

import java.util.Locale;

/** The stages of a generation, in order; those of the second batch follow those of the first. */
public enum Stage {
    /** Modulations of all steps. */
    CONDITION,
    /** The sampler's steps. */
    DENOISE,
    /** Latents to pictures. */
    DECODE;

    /** As it appears in messages and results. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}

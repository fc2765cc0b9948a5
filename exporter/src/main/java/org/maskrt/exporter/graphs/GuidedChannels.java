package org.maskrt.exporter.graphs;

import java.util.Locale;

/** The channels that classifier-free guidance changes. */
public enum GuidedChannels {
    /** The first three, as DiT and MDT publish; the others stay conditional. */
    REFERENCE,
    ALL;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}

package org.maskrt.perf.metrics;

import java.util.Locale;

/** What a classifier says about a picture. */
enum Feature {
    /** The mean over places of the last layer, 2048 numbers of Inception v3. */
    POOL,
    /** The first seven channels of an inner layer at every place, 17 x 17 x 7 numbers of Inception v3. */
    SPATIAL,
    /** How likely each class is. */
    PROBABILITIES;

    /** Its name among the outputs of a graph and the arrays of an archive. */
    String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}

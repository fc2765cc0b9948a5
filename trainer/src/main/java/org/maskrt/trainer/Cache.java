package org.maskrt.trainer;

import java.nio.file.Path;
import java.util.function.LongConsumer;

/**
 * Where encoded data are kept.
 *
 * @param folder of the files
 * @param origin everything that they depend on, in words or digests
 * @param progress told how many samples are done
 */
record Cache(Path folder, String origin, LongConsumer progress) {
    /** The most that one file of it takes. */
    static final long SHARD_BYTES = 256L << 20;
}

package org.maskrt.trainer.data;

/**
 * Which pictures make which batch: a pure function of the seed and the step, so that a resumed run needs no iterator.
 * Every picture comes once an epoch, in a new order; a batch may hold the end of one epoch and the start of the next.
 *
 * <p>The order of an epoch is a Feistel permutation of the indices with cycle walking (Black and Rogaway, "Ciphers with
 * arbitrary finite domains", CT-RSA 2002, section 5), which needs no table however many pictures there are.
 *
 * @param count number of pictures
 * @param batchSize pictures in a batch
 * @param seed any number
 */
public record BatchOrder(long count, int batchSize, long seed) {
    private static final int ROUNDS = 6;

    /** @throws IllegalArgumentException if a number is below 1, or {@code count} is above 2^60 */
    public BatchOrder {
        if (count < 1 || count > 1L << 60 || batchSize < 1) {
            throw new IllegalArgumentException("batch order: expected 1 <= count <= 2^60 and batchSize >= 1, got count "
                    + count + " and batchSize " + batchSize + "; change the data settings");
        }
    }

    /** The epoch, from 0, in which row {@code row} of the batch of step {@code step} (from 0) lies. */
    public long epoch(long step, int row) {
        return position(step, row) / count;
    }

    /** The index in {@code [0, count)} of the picture that is row {@code row} of the batch of step {@code step}. */
    public long index(long step, int row) {
        long position = position(step, row);
        long key = SplitMix.mix(SplitMix.mix(seed) + position / count);
        int half = (65 - Long.numberOfLeadingZeros(count - 1)) / 2;
        long mask = (1L << half) - 1;
        long at = position % count;
        do {
            long left = at >>> half;
            long right = at & mask;
            for (int round = 0; round < ROUNDS; round++) {
                long next = left ^ (SplitMix.mix(SplitMix.mix(key + round) ^ right) & mask);
                left = right;
                right = next;
            }
            at = left << half | right;
        } while (at >= count);
        return at;
    }

    /** Whether that picture is mirrored, where mirroring is wanted: a fair coin. */
    public boolean mirrored(long step, int row) {
        return SplitMix.mix(~SplitMix.mix(seed) + position(step, row)) < 0;
    }

    private long position(long step, int row) {
        return Math.addExact(Math.multiplyExact(step, batchSize), row);
    }
}

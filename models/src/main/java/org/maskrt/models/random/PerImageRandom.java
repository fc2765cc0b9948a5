package org.maskrt.models.random;

import java.util.Objects;

/**
 * Noise that belongs to one image: a pure function of the image's seed, the draw and the position, so that a picture does not depend on
 * the batch, the shard or the thread that made it, nor on the machine.
 *
 * <p>Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011) with the image's seed as its
 * key and (position / 4, draw) as its counter, then Box-Muller in float64 with {@link StrictMath}. Draw 0 is the noise that sampling
 * starts from; draw {@code i + 1} is the noise of step {@code i}. Thread-safe.
 */
public final class PerImageRandom {
    private static final int ROUNDS = 10;
    private static final int LANES = 4;

    private final long seed;

    /** The noise of the image with this seed; a generation gives image {@code i} the seed {@code seed + i}. */
    public PerImageRandom(long seed) {
        this.seed = seed;
    }

    /** Writes the first {@code length} standard normal numbers of a draw to {@code out[offset..offset + length)}. */
    public void normal(int draw, float[] out, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, out.length);
        int[] words = new int[LANES];
        for (int i = 0; i < length; i += LANES) {
            philox(seed, i / LANES, draw, words);
            for (int j = 0; j < LANES && i + j < length; j += 2) {
                double radius = StrictMath.sqrt(-2 * StrictMath.log((Integer.toUnsignedLong(words[j]) + 1) * 0x1p-32));
                double theta = 2 * Math.PI * (Integer.toUnsignedLong(words[j + 1]) * 0x1p-32);
                out[offset + i + j] = (float) (radius * StrictMath.cos(theta));
                if (i + j + 1 < length) {
                    out[offset + i + j + 1] = (float) (radius * StrictMath.sin(theta));
                }
            }
        }
    }

    /** Philox4x32-10: the four words at a counter of 128 bits, low half first, under a key of 64 bits. */
    static void philox(long key, long counterLow, long counterHigh, int[] words) {
        int c0 = (int) counterLow;
        int c1 = (int) (counterLow >>> 32);
        int c2 = (int) counterHigh;
        int c3 = (int) (counterHigh >>> 32);
        int k0 = (int) key;
        int k1 = (int) (key >>> 32);
        for (int round = 0; round < ROUNDS; round++) {
            long p0 = 0xD2511F53L * Integer.toUnsignedLong(c0);
            long p1 = 0xCD9E8D57L * Integer.toUnsignedLong(c2);
            c0 = (int) (p1 >>> 32) ^ c1 ^ k0;
            c2 = (int) (p0 >>> 32) ^ c3 ^ k1;
            c1 = (int) p1;
            c3 = (int) p0;
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        words[0] = c0;
        words[1] = c1;
        words[2] = c2;
        words[3] = c3;
    }
}

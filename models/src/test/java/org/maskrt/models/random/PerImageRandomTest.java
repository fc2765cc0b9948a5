package org.maskrt.models.random;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PerImageRandomTest {
    private static float[] normal(long seed, int draw, int n) {
        float[] out = new float[n];
        new PerImageRandom(seed).normal(draw, out, 0, n);
        return out;
    }

    /** The known answers of the authors' Random123 library for philox4x32-10. */
    @Test
    void philoxKnownAnswers() {
        int[] words = new int[4];
        PerImageRandom.philox(0, 0, 0, words);
        assertArrayEquals(new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, words);
        PerImageRandom.philox(-1, -1, -1, words);
        assertArrayEquals(new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, words);
        PerImageRandom.philox(0x299f31d0a4093822L, 0x85a308d3243f6a88L, 0x0370734413198a2eL, words);
        assertArrayEquals(new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}, words);
    }

    /** Computed apart, in Python; pinned, so that a seed gives the same picture in every version and on every machine. */
    @Test
    void theStreamIsFixed() {
        assertArrayEquals(
                new int[] {0xbf785e5c, 0x3e46ace8, 0xbf9e28d2, 0x3ff6433b, 0xbd95e030}, bits(normal(42, 0, 5)));
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }

    @Test
    void aDrawDependsOnNothingButSeedAndDraw() {
        float[] whole = normal(7, 3, 41);
        for (int n : new int[] {1, 2, 3, 4, 5, 40}) {
            assertArrayEquals(Arrays.copyOf(whole, n), normal(7, 3, n), "the first " + n);
        }
        float[] batch = new float[100];
        new PerImageRandom(7).normal(3, batch, 50, 41);
        assertArrayEquals(whole, Arrays.copyOfRange(batch, 50, 91));
        assertEquals(0, batch[49]);
        assertEquals(0, batch[91]);
    }

    @Test
    void outsideTheArray() {
        assertThrows(IndexOutOfBoundsException.class, () -> new PerImageRandom(0).normal(0, new float[4], 1, 4));
    }

    /** With n = 2^18 numbers, six standard errors of each moment and of each correlation. */
    @ParameterizedTest
    @ValueSource(longs = {0, 1, -1, 123456789012345L})
    void standardNormalAndIndependent(long seed) {
        int n = 1 << 18;
        double six = 6 / Math.sqrt(n);
        float[] x = normal(seed, 0, n);
        double[] moments = new double[5];
        double lag = 0;
        int beyond = 0;
        for (int i = 0; i < n; i++) {
            for (int k = 1; k <= 4; k++) {
                moments[k] += Math.pow(x[i], k) / n;
            }
            lag += i > 0 ? x[i] * x[i - 1] / n : 0;
            beyond += Math.abs(x[i]) > 3 ? 1 : 0;
        }
        String where = "seed " + seed;
        assertEquals(0, moments[1], six, where + ", mean");
        assertEquals(1, moments[2], Math.sqrt(2) * six, where + ", variance");
        assertEquals(0, moments[3], Math.sqrt(15) * six, where + ", third moment");
        assertEquals(3, moments[4], Math.sqrt(96) * six, where + ", fourth moment");
        assertEquals(0, lag, six, where + ", neighbours");
        assertEquals(0.0026998 * n, beyond, 6 * Math.sqrt(0.0027 * n), where + ", beyond 3 sigma");
        assertEquals(0, correlation(x, normal(seed, 1, n)), six, where + ", next draw");
        assertEquals(0, correlation(x, normal(seed + 1, 0, n)), six, where + ", next image");
    }

    private static double correlation(float[] x, float[] y) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += (double) x[i] * y[i] / x.length;
        }
        return sum;
    }
}

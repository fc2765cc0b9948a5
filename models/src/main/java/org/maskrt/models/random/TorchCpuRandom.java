package org.maskrt.models.random;

/**
 * The numbers that PyTorch draws on the CPU after {@code torch.manual_seed(seed)}: {@code torch.randn} and {@code torch.rand}, float32.
 *
 * <p>The generator is MT19937 (Matsumoto and Nishimura 1998). {@link #rand} is bit-equal to PyTorch. {@link #randn} of 16 numbers or more
 * applies Box-Muller in float32 to blocks of 16 uniforms, and PyTorch's own last bits there depend on the processor (its AVX2 kernel has
 * its own logarithm and sine), so equality is to about 1e-6; fewer than 16 numbers are drawn one by one in float64 and are bit-equal.
 * A stream is a sequence of calls: {@code randn(32)} and twice {@code randn(16)} give the same numbers, {@code randn(17)} does not
 * continue like {@code randn(16)}. Not thread-safe.
 */
public final class TorchCpuRandom {
    private static final int N = 624;
    private static final int M = 397;
    private static final int BLOCK = 16;
    private static final float TWO_PI = (float) (2 * Math.PI);

    private final int[] state = new int[N];
    private int next = N;
    private double spareNormal = Double.NaN;

    /** The state after {@code torch.manual_seed(seed)}; as there, only the low 32 bits of the seed count. */
    public TorchCpuRandom(long seed) {
        state[0] = (int) seed;
        for (int i = 1; i < N; i++) {
            state[i] = 1812433253 * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
        }
    }

    /** {@code torch.rand(n)}: uniform in [0, 1), multiples of 2^-24. */
    public float[] rand(int n) {
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = uniform();
        }
        return out;
    }

    /** {@code torch.randn(n)}, and {@code torch.randn(shape)} for any shape of n elements. */
    public float[] randn(int n) {
        float[] out = new float[n];
        if (n < BLOCK) {
            for (int i = 0; i < n; i++) {
                out[i] = (float) normal();
            }
            return out;
        }
        for (int i = 0; i < n; i++) {
            out[i] = uniform();
        }
        for (int i = 0; i + BLOCK <= n; i += BLOCK) {
            boxMuller(out, i);
        }
        if (n % BLOCK != 0) {
            // PyTorch draws the last 16 afresh when they are not a whole block.
            for (int i = n - BLOCK; i < n; i++) {
                out[i] = uniform();
            }
            boxMuller(out, n - BLOCK);
        }
        return out;
    }

    private static void boxMuller(float[] block, int from) {
        for (int i = from; i < from + BLOCK / 2; i++) {
            float radius = (float) StrictMath.sqrt(-2 * (float) StrictMath.log(1 - block[i]));
            float theta = TWO_PI * block[i + BLOCK / 2];
            block[i] = radius * (float) StrictMath.cos(theta);
            block[i + BLOCK / 2] = radius * (float) StrictMath.sin(theta);
        }
    }

    private double normal() {
        if (!Double.isNaN(spareNormal)) {
            double spare = spareNormal;
            spareNormal = Double.NaN;
            return spare;
        }
        double theta = 2 * Math.PI * uniformDouble();
        double radius = StrictMath.sqrt(-2 * StrictMath.log1p(-uniformDouble()));
        spareNormal = radius * StrictMath.sin(theta);
        return radius * StrictMath.cos(theta);
    }

    private float uniform() {
        return (nextInt() & 0xFFFFFF) * 0x1p-24f;
    }

    private double uniformDouble() {
        long high = nextInt();
        return (((high << 32) | Integer.toUnsignedLong(nextInt())) & ((1L << 53) - 1)) * 0x1p-53;
    }

    private int nextInt() {
        if (next == N) {
            twist();
        }
        int y = state[next++];
        y ^= y >>> 11;
        y ^= (y << 7) & 0x9d2c5680;
        y ^= (y << 15) & 0xefc60000;
        return y ^ (y >>> 18);
    }

    private void twist() {
        for (int i = 0; i < N; i++) {
            int y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
            state[i] = state[(i + M) % N] ^ (y >>> 1) ^ ((y & 1) != 0 ? 0x9908b0df : 0);
        }
        next = 0;
    }
}

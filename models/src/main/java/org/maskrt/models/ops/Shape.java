package org.maskrt.models.ops;

import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The dimensions of a tensor. A negative dimension is symbolic: {@link #BATCH} everywhere, {@link #STEPS} only in the conditioner, whose
 * input is every timestep of a generation at once, and the rows of the tables that a step on the device reads.
 */
public final class Shape {
    /** The batch; in a {@link Ops#reshape} it also means "whatever is left". */
    public static final int BATCH = -1;

    /** The timesteps of one generation. */
    public static final int STEPS = -2;

    /** Rows of a table with one for each sample and step. */
    public static final int ROWS = -3;

    /** Rows of the table of unconditional modulations. */
    public static final int ROWS_UNCOND = -4;

    /** Rows of the table of noise. */
    public static final int ROWS_NOISE = -5;

    private static final String SYMBOLS = "BSRUN";

    private final int[] dims;

    private Shape(int[] dims) {
        this.dims = dims;
    }

    public static Shape of(int... dims) {
        return new Shape(dims.clone());
    }

    public int rank() {
        return dims.length;
    }

    /** The dimension at {@code axis}; a negative axis counts from the end. */
    public int dim(int axis) {
        return dims[axis(axis)];
    }

    /** {@code axis} counted from the front. */
    public int axis(int axis) {
        int a = axis < 0 ? axis + dims.length : axis;
        if (a < 0 || a >= dims.length) {
            throw new IllegalArgumentException("axis " + axis + " is outside the shape " + this);
        }
        return a;
    }

    public int[] dims() {
        return dims.clone();
    }

    /** The number of elements; symbolic dimensions are an error. */
    public int size() {
        long n = 1;
        for (int d : dims) {
            if (d < 0) {
                throw new IllegalStateException("the shape " + this + " is symbolic, so it has no element count");
            }
            n *= d;
        }
        return Math.toIntExact(n);
    }

    public Shape with(int axis, int dim) {
        int[] d = dims.clone();
        d[axis(axis)] = dim;
        return new Shape(d);
    }

    public Shape permute(int... perm) {
        if (perm.length != dims.length) {
            throw new IllegalArgumentException("a permutation of " + dims.length + " axes is needed for " + this
                    + ", got " + Arrays.toString(perm));
        }
        return new Shape(IntStream.of(perm).map(i -> dims[axis(i)]).toArray());
    }

    /** The shape of an elementwise operation on two tensors (numpy broadcasting). */
    public static Shape broadcast(Shape a, Shape b) {
        int rank = Math.max(a.rank(), b.rank());
        int[] out = new int[rank];
        for (int i = 0; i < rank; i++) {
            int x = i < rank - a.rank() ? 1 : a.dims[i - (rank - a.rank())];
            int y = i < rank - b.rank() ? 1 : b.dims[i - (rank - b.rank())];
            if (x != y && x != 1 && y != 1) {
                throw new IllegalArgumentException("shapes " + a + " and " + b + " do not broadcast");
            }
            out[i] = x == 1 ? y : x;
        }
        return new Shape(out);
    }

    /** The shape of {@code a @ b}: [.., M, K] and [.., K, N] to [.., M, N]. */
    public static Shape matmul(Shape a, Shape b) {
        if (a.rank() < 2 || b.rank() < 2 || a.dim(-1) != b.dim(-2)) {
            throw new IllegalArgumentException("matmul needs [.., M, K] and [.., K, N], got " + a + " and " + b);
        }
        Shape batch = broadcast(
                new Shape(Arrays.copyOf(a.dims, a.rank() - 2)), new Shape(Arrays.copyOf(b.dims, b.rank() - 2)));
        int[] out = Arrays.copyOf(batch.dims, batch.rank() + 2);
        out[out.length - 2] = a.dim(-2);
        out[out.length - 1] = b.dim(-1);
        return new Shape(out);
    }

    /**
     * The shape that {@code reshape} gives: at most one dimension of {@code wanted} may be negative, and is then whatever is left of
     * {@code from}.
     */
    public static Shape reshape(Shape from, int... wanted) {
        long known = 1;
        int free = -1;
        for (int i = 0; i < wanted.length; i++) {
            if (wanted[i] < 0) {
                if (free >= 0) {
                    throw new IllegalArgumentException("only one dimension can be left open, got " + of(wanted));
                }
                free = i;
            } else {
                known *= wanted[i];
            }
        }
        long have = 1;
        int symbol = 0;
        for (int d : from.dims) {
            if (d < 0) {
                symbol = d;
            } else {
                have *= d;
            }
        }
        Shape out = of(wanted);
        boolean fits = free < 0
                ? symbol == 0 && have == known
                : symbol == 0 ? have % known == 0 : have == known && wanted[free] == symbol;
        if (!fits) {
            throw new IllegalArgumentException("cannot reshape " + from + " to " + out);
        }
        return free >= 0 && symbol == 0 ? out.with(free, Math.toIntExact(have / known)) : out;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Shape s && Arrays.equals(dims, s.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    @Override
    public String toString() {
        return Arrays.stream(dims)
                .mapToObj(d -> d < 0 && -d <= SYMBOLS.length() ? SYMBOLS.substring(-d - 1, -d) : Integer.toString(d))
                .collect(Collectors.joining(",", "[", "]"));
    }
}

package org.maskrt.exporter.graphs;

import java.util.Random;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/**
 * A graph input.
 *
 * @param kind what it holds
 * @param limit labels are below it
 */
public record Port(String name, Shape shape, Kind kind, int limit) {
    private static final int TIMESTEPS = 1000;

    /** What an input holds. */
    public enum Kind {
        /** fp32, any. */
        VALUES,
        /** fp32 in 0..999. */
        TIMESTEPS,
        /** int64 classes. */
        LABELS,
        /** fp32, 0 or 1. */
        MASK,
        /** int64 rows of tables. */
        ROWS;

        public boolean isIndices() {
            return this == LABELS || this == ROWS;
        }
    }

    static Port values(String name, int... dims) {
        return new Port(name, Shape.of(dims), Kind.VALUES, 0);
    }

    public static Port timesteps(String name, int symbol) {
        return new Port(name, Shape.of(symbol), Kind.TIMESTEPS, TIMESTEPS);
    }

    static Port mask(String name, int... dims) {
        return new Port(name, Shape.of(dims), Kind.MASK, 0);
    }

    /** A row of each of {@code tables} tables. */
    static Port rows(String name, int tables) {
        return new Port(name, Shape.of(Shape.BATCH, tables), Kind.ROWS, 0);
    }

    /** The null class is {@code numClasses}. */
    static Port labels(String name, int numClasses) {
        return new Port(name, Shape.of(Shape.BATCH), Kind.LABELS, numClasses + 1);
    }

    /** The shape for {@code batch} samples, and {@code steps} timesteps or rows of each table; negative numbers leave the symbols. */
    public Shape shape(int batch, int steps) {
        Shape s = shape;
        for (int i = 0; i < s.rank(); i++) {
            int dim = s.dim(i);
            s = dim == Shape.BATCH ? s.with(i, batch) : dim < 0 && steps > 0 ? s.with(i, steps) : s;
        }
        return s;
    }

    /** Values N(0,1), timesteps, labels and rows uniform, every third place of a mask 1; the last label is the null class. */
    public Tensor random(Random random, int batch, int steps) {
        Shape s = shape(batch, steps);
        int n = s.size();
        if (kind.isIndices()) {
            long[] indices = new long[n];
            for (int i = 0; i < n; i++) {
                indices[i] = kind == Kind.ROWS ? random.nextInt(steps) : i == n - 1 ? limit - 1 : random.nextInt(limit);
            }
            return Tensor.ofIndices(indices, s.dims());
        }
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = switch (kind) {
                case TIMESTEPS -> random.nextInt(limit);
                case MASK -> i % 3 == 0 ? 1 : 0;
                default -> (float) random.nextGaussian();
            };
        }
        return Tensor.of(values, s);
    }
}

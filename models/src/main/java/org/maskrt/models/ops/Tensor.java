package org.maskrt.models.ops;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A tensor on the host, row-major: fp32 values, or int64 indices. The arrays are not copied. */
public final class Tensor {
    private final Shape shape;
    private final float @Nullable [] values;
    private final long @Nullable [] indices;

    private Tensor(Shape shape, float @Nullable [] values, long @Nullable [] indices) {
        int have = values != null ? values.length : indices != null ? indices.length : 0;
        if (shape.size() != have) {
            throw new IllegalArgumentException(
                    "the shape " + shape + " needs " + shape.size() + " elements, got " + have);
        }
        this.shape = shape;
        this.values = values;
        this.indices = indices;
    }

    public static Tensor of(float[] values, int... dims) {
        return new Tensor(Shape.of(dims), values, null);
    }

    public static Tensor of(float[] values, Shape shape) {
        return new Tensor(shape, values, null);
    }

    public static Tensor ofIndices(long[] indices, int... dims) {
        return new Tensor(Shape.of(dims), null, indices);
    }

    public static Tensor zeros(int... dims) {
        Shape shape = Shape.of(dims);
        return new Tensor(shape, new float[shape.size()], null);
    }

    public Shape shape() {
        return shape;
    }

    public int dim(int axis) {
        return shape.dim(axis);
    }

    public int size() {
        return shape.size();
    }

    public boolean isIndices() {
        return indices != null;
    }

    /** The values. @throws IllegalStateException if this holds indices */
    public float[] values() {
        if (values == null) {
            throw new IllegalStateException("the tensor " + shape + " holds int64 indices, fp32 values were asked for");
        }
        return values;
    }

    /** The indices. @throws IllegalStateException if this holds values */
    public long[] indices() {
        if (indices == null) {
            throw new IllegalStateException("the tensor " + shape + " holds fp32 values, int64 indices were asked for");
        }
        return indices;
    }

    /** The same data under another shape; one dimension may be {@link Shape#BATCH}. */
    public Tensor reshape(int... dims) {
        return new Tensor(Shape.reshape(shape, dims), values, indices);
    }

    /** Rows {@code from} to {@code to} of the first axis, copied. */
    public Tensor rows(int from, int to) {
        int stride = shape.dim(0) == 0 ? 0 : size() / shape.dim(0);
        Shape s = shape.with(0, to - from);
        return values != null
                ? new Tensor(s, Arrays.copyOfRange(values, from * stride, to * stride), null)
                : new Tensor(s, null, Arrays.copyOfRange(indices(), from * stride, to * stride));
    }

    @Override
    public String toString() {
        return (isIndices() ? "int64" : "fp32") + shape;
    }
}

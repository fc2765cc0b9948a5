package org.maskrt.runtime;

import org.maskrt.models.ops.Shape;

/**
 * A tensor in the memory where a {@link Backend} computes, allocated once and used for many runs. Positions and counts are in elements,
 * row-major. It belongs to the backend that made it; not safe for two threads at once.
 */
public interface DeviceTensor extends AutoCloseable {
    ElementType type();

    Shape shape();

    /** {@code values[from .. from + count)} to the elements from {@code at}. */
    void write(int at, float[] values, int from, int count);

    /** All elements. */
    default void write(float[] values) {
        write(0, values, 0, values.length);
    }

    /** All elements of an index tensor. */
    void writeIndices(long[] values);

    /** {@code count} elements from {@code at} into {@code into[to ..]}. */
    void read(int at, float[] into, int to, int count);

    /** All elements. */
    default void read(float[] into) {
        read(0, into, 0, into.length);
    }

    /** {@code count} elements of {@code source} from {@code from} to the elements from {@code at}, without crossing the host. */
    void copy(int at, DeviceTensor source, int from, int count);

    /** Frees the memory; closing again does nothing. */
    @Override
    void close();
}

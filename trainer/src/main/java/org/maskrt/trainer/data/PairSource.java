package org.maskrt.trainer.data;

/** A set of objects and scenes. Implementations are safe for use by several threads. */
public interface PairSource {
    /** The number of pairs. */
    long count();

    /**
     * Pair number {@code index}: the same at each call.
     *
     * @param index in {@code [0, count())}
     * @throws IndexOutOfBoundsException if {@code index} is outside that range
     */
    Pair get(long index);
}

package org.maskrt.trainer.data;

import java.util.List;

/** A labelled set of square pictures of one size. Implementations are safe for use by several threads. */
public interface ImageSource {
    /** The side S of each picture in pixels. */
    int size();

    /** The number of classes; each label is in {@code [0, numClasses())}. */
    int numClasses();

    /** The name of each class, {@code numClasses()} of them. */
    List<String> labels();

    /** The number of pictures. */
    long count();

    /**
     * Picture number {@code index}: the same values at each call.
     *
     * @param index in {@code [0, count())}
     * @throws IndexOutOfBoundsException if {@code index} is outside that range
     */
    Sample get(long index);
}

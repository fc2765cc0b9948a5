package org.maskrt.runtime.device;

import org.maskrt.models.ops.Shape;

/** An engine with shapes, addresses and memory for one run at a time. */
public interface EngineContext extends AutoCloseable {
    /**
     * Fixes shape and place of an input or output; inputs come first.
     *
     * @throws org.maskrt.models.MaskRtException if the engine was not built for that shape
     * @throws IllegalArgumentException if there is no such tensor, or the region is too small or not aligned
     */
    void bind(String tensor, Shape shape, Region region);

    /** What intermediate results take with the shapes that are bound. */
    long arenaBytes();

    /** Where intermediate results go: {@link #arenaBytes} at least, used by no one else during a run. */
    void arena(Region region);

    /** Gives a run to a stream. */
    void enqueue(DeviceStream stream);

    /** Frees it; captured graphs that hold it must be closed before. Closing again does nothing. */
    @Override
    void close();
}

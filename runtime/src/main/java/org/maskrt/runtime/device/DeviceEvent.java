package org.maskrt.runtime.device;

/** A mark in a stream. */
public interface DeviceEvent extends AutoCloseable {
    /** Sets the mark behind all work that the stream has. */
    void record();

    /** Waits until the stream has passed the mark. */
    void await();

    /** Time between two marks that the stream has passed. */
    double millisSince(DeviceEvent earlier);

    /** Frees it; closing again does nothing. */
    @Override
    void close();
}

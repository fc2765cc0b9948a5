package org.maskrt.runtime.device;

/** Recorded work of a stream, which runs at the addresses that it was recorded with. */
public interface CapturedGraph extends AutoCloseable {
    /** Gives the work to its stream. */
    void launch();

    /** Frees it; closing again does nothing. */
    @Override
    void close();
}

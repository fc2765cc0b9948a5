package org.maskrt.runtime.device;

/** An accelerator. Safe for several threads; what it makes is not, except that everything may be closed from any thread. */
public interface Device extends AutoCloseable {
    /** Addresses that {@link #allocate} gives are multiples of this. */
    int ALIGNMENT = 256;

    /** {@code bytes} rounded up to a multiple of {@link #ALIGNMENT}. */
    static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** Name, architecture, driver: one line. */
    String description();

    /**
     * Memory of zeros.
     *
     * @throws org.maskrt.models.MaskRtException if the device has no more
     */
    DeviceMemory allocate(long bytes);

    /** A stream: work on it runs in the order in which it was given, beside that of other streams. */
    DeviceStream stream();

    MemoryUse memory();

    /** Gives the device back; everything that it made must be closed before. Closing again does nothing. */
    @Override
    void close();
}

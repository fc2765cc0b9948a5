package org.maskrt.runtime.device;

import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** Device memory that one owner frees. */
public final class DeviceMemory implements AutoCloseable {
    private final Region region;
    private final Runnable free;
    private boolean closed;

    /** @param free gives the memory back to the device; runs once */
    public DeviceMemory(Region region, Runnable free) {
        this.region = region;
        this.free = free;
    }

    /**
     * Where it is.
     *
     * @throws MaskRtException if it is freed
     */
    public Region region() {
        if (closed) {
            throw new MaskRtException(ExitCode.FAILURE, "device memory of " + region.bytes() + " bytes is freed");
        }
        return region;
    }

    /** Frees the memory; closing again does nothing. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            free.run();
        }
    }
}

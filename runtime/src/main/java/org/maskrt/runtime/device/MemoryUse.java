package org.maskrt.runtime.device;

/**
 * How full a device's memory is, by all processes that use it.
 *
 * @param cuda bytes in use, as CUDA counts them
 * @param nvml bytes in use, as the driver's management library counts them; negative where it does not say
 * @param total bytes that the device has
 */
public record MemoryUse(long cuda, long nvml, long total) {
    /** The larger of both in each count. */
    public MemoryUse max(MemoryUse other) {
        return new MemoryUse(Math.max(cuda, other.cuda), Math.max(nvml, other.nvml), Math.max(total, other.total));
    }
}

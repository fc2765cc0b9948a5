package org.maskrt.runtime.device;

/**
 * A stretch of device memory.
 *
 * @param address of its first byte, as the device knows it
 * @param bytes its length
 */
public record Region(long address, long bytes) {
    /**
     * A part of this region.
     *
     * @throws IllegalArgumentException if it is not inside
     */
    public Region at(long offset, long length) {
        if (offset < 0 || length < 0 || offset > bytes - length) {
            throw new IllegalArgumentException(
                    length + " bytes at " + offset + " are not inside a region of " + bytes + " bytes");
        }
        return new Region(address + offset, length);
    }
}

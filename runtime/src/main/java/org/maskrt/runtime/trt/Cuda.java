package org.maskrt.runtime.trt;

import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.device.MemoryUse;
import org.maskrt.runtime.device.Region;

/** The one place where an error of CUDA becomes ours, and addresses become pointers. */
final class Cuda {
    private Cuda() {}

    /** An address of the device; freed by its owner. */
    private static final class Address extends Pointer {
        Address(long value) {
            address = value;
        }
    }

    static Pointer pointer(Region region) {
        return new Address(region.address());
    }

    /** @throws MaskRtException if {@code status} is an error */
    static void require(int status, String what) {
        if (status != cudart.cudaSuccess) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    "CUDA: " + what + ": " + cudart.cudaGetErrorString(status).getString()
                            + "; `maskrt doctor` lists driver and GPU");
        }
    }

    /** As {@link #require}, for memory: says how much there is. */
    static void requireMemory(int status, long bytes, MemoryUse use) {
        if (status == cudart.cudaErrorMemoryAllocation) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    "CUDA: expected " + bytes + " bytes of device memory, " + (use.total() - use.cuda()) + " of "
                            + use.total() + " are free; use a smaller --max-batch, or name a --memory-budget");
        }
        require(status, "allocating " + bytes + " bytes");
    }
}

package org.maskrt.runtime.trt;

/**
 * A GPU that CUDA sees.
 *
 * @param index among those that CUDA sees ({@code CUDA_VISIBLE_DEVICES} hides some)
 * @param name as the maker gives it, such as NVIDIA A100-SXM4-80GB
 * @param sm the compute capability, such as 80 for 8.0
 * @param memory bytes on the device
 * @param driver the newest CUDA version that the driver runs, such as 12.6
 */
public record Gpu(int index, String name, int sm, long memory, String driver) {
    @Override
    public String toString() {
        return name + " (sm_" + sm + ", " + (memory >> 20) + " MiB, driver for CUDA " + driver + ")";
    }
}

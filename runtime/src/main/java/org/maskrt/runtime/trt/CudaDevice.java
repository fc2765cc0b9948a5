package org.maskrt.runtime.trt;

import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvml;
import org.bytedeco.cuda.nvml.nvmlDevice_st;
import org.bytedeco.cuda.nvml.nvmlMemory_t;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.jspecify.annotations.Nullable;
import org.maskrt.runtime.device.Device;
import org.maskrt.runtime.device.DeviceMemory;
import org.maskrt.runtime.device.DeviceStream;
import org.maskrt.runtime.device.MemoryUse;
import org.maskrt.runtime.device.Region;

/** CUDA's first device, by its runtime. */
final class CudaDevice implements Device {
    private static final int PCI_ID_LENGTH = 32;

    private final Gpu gpu;
    private final @Nullable nvmlDevice_st monitor;

    /** @param runtime proves that there is a device */
    CudaDevice(GpuRuntime runtime) {
        gpu = runtime.gpu();
        // makes the context, so that what it takes is not counted as ours
        Cuda.require(cudart.cudaFree(null), "opening the device " + gpu.index());
        monitor = runtime.hasNvml() ? monitor(gpu.index()) : null;
    }

    /** NVML counts devices in another order than CUDA; both know the place on the bus. */
    private static @Nullable nvmlDevice_st monitor(int index) {
        byte[] place = new byte[PCI_ID_LENGTH];
        nvmlDevice_st found = new nvmlDevice_st();
        if (nvml.nvmlInit_v2() != nvml.NVML_SUCCESS
                || cudart.cudaDeviceGetPCIBusId(place, place.length, index) != cudart.cudaSuccess) {
            return null;
        }
        try (BytePointer text = new BytePointer(place)) {
            return nvml.nvmlDeviceGetHandleByPciBusId_v2(text, found) == nvml.NVML_SUCCESS ? found : null;
        }
    }

    @Override
    public String description() {
        return gpu.toString();
    }

    @Override
    public DeviceMemory allocate(long bytes) {
        Pointer pointer = new Pointer();
        Cuda.requireMemory(cudart.cudaMalloc(pointer, bytes), bytes, memory());
        DeviceMemory memory = new DeviceMemory(
                new Region(pointer.address(), bytes),
                () -> Cuda.require(cudart.cudaFree(pointer), "freeing " + bytes + " bytes"));
        try {
            Cuda.require(cudart.cudaMemset(pointer, 0, bytes), "clearing " + bytes + " bytes");
            // the streams do not wait for the default stream, on which this runs
            Cuda.require(cudart.cudaStreamSynchronize((CUstream_st) null), "clearing " + bytes + " bytes");
            return memory;
        } catch (RuntimeException e) {
            memory.close();
            throw e;
        }
    }

    @Override
    public DeviceStream stream() {
        return new CudaStream();
    }

    @Override
    public MemoryUse memory() {
        try (SizeTPointer free = new SizeTPointer(1);
                SizeTPointer total = new SizeTPointer(1)) {
            Cuda.require(cudart.cudaMemGetInfo(free, total), "asking for free memory");
            return new MemoryUse(total.get() - free.get(), monitored(), total.get());
        }
    }

    private long monitored() {
        if (monitor == null) {
            return -1;
        }
        try (nvmlMemory_t is = new nvmlMemory_t()) {
            return nvml.nvmlDeviceGetMemoryInfo(monitor, is) == nvml.NVML_SUCCESS ? is.used() : -1;
        }
    }

    /** The context lives as long as the process, so only NVML is left. */
    @Override
    public void close() {
        if (monitor != null) {
            nvml.nvmlShutdown();
        }
    }
}

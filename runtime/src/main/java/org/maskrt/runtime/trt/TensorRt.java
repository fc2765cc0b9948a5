package org.maskrt.runtime.trt;

import org.maskrt.runtime.device.Accelerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The way to engines on a GPU. */
public final class TensorRt {
    private static final Logger LOG = LoggerFactory.getLogger("native.trt");

    private TensorRt() {}

    /**
     * CUDA's first device, with the engines that were built for it.
     *
     * @throws org.maskrt.models.MaskRtException ENVIRONMENT if a library, the driver or a GPU is missing
     */
    public static Accelerator open() {
        return open(GpuRuntime.open());
    }

    static Accelerator open(GpuRuntime gpu) {
        return new Accelerator(new CudaDevice(gpu), new TrtEngines(gpu, gpu.logger(TensorRt::log)));
    }

    private static void log(TrtMessage message) {
        switch (message.level()) {
            case INTERNAL_ERROR, ERROR -> LOG.error(message.text());
            case WARNING -> LOG.warn(message.text());
            default -> LOG.debug(message.text());
        }
    }
}

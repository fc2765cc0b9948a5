package org.maskrt.runtime.trt;

import java.util.function.Consumer;
import org.bytedeco.tensorrt.nvinfer.ILogger;

/** Hears TensorRT, on its threads. Made by {@link GpuRuntime#logger}: before the checks of {@link GpuRuntime#open} this class may not be touched. */
public final class TrtLogger extends ILogger {
    private final Consumer<TrtMessage> sink;

    TrtLogger(Consumer<TrtMessage> sink) {
        this.sink = sink;
    }

    @Override
    public void log(ILogger.Severity severity, String message) {
        try {
            sink.accept(new TrtMessage(level(severity), message));
        } catch (RuntimeException e) {
            // must not unwind through the library's frames
            System.getLogger(TrtLogger.class.getName()).log(System.Logger.Level.DEBUG, message, e);
        }
    }

    private static TrtMessage.Level level(ILogger.Severity severity) {
        return switch (severity.intern()) {
            case kINTERNAL_ERROR -> TrtMessage.Level.INTERNAL_ERROR;
            case kERROR -> TrtMessage.Level.ERROR;
            case kWARNING -> TrtMessage.Level.WARNING;
            case kINFO -> TrtMessage.Level.INFO;
            case kVERBOSE -> TrtMessage.Level.VERBOSE;
        };
    }
}

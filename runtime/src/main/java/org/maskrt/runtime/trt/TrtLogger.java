package org.maskrt.runtime.trt;

import java.util.function.BiConsumer;
import org.bytedeco.tensorrt.nvinfer.ILogger;

/** TensorRT's messages, on the threads of TensorRT. Made by {@link GpuRuntime#logger}, after whose checks alone this class may be touched. */
public final class TrtLogger extends ILogger {
    /** How grave a message is, the gravest first. */
    public enum Level {
        INTERNAL_ERROR,
        ERROR,
        WARNING,
        INFO,
        VERBOSE
    }

    private final BiConsumer<Level, String> sink;

    TrtLogger(BiConsumer<Level, String> sink) {
        this.sink = sink;
    }

    @Override
    public void log(ILogger.Severity severity, String message) {
        try {
            sink.accept(Level.values()[severity.intern().value], message);
        } catch (RuntimeException e) {
            // must not unwind through the library's frames
            System.getLogger(TrtLogger.class.getName()).log(System.Logger.Level.DEBUG, message, e);
        }
    }
}

package org.maskrt.runtime.trt;

/**
 * A message of TensorRT.
 *
 * @param level how grave it is
 * @param text in TensorRT's words
 */
public record TrtMessage(Level level, String text) {
    /** How grave a message is, the gravest first, as TensorRT counts them. */
    public enum Level {
        INTERNAL_ERROR,
        ERROR,
        WARNING,
        INFO,
        VERBOSE
    }
}

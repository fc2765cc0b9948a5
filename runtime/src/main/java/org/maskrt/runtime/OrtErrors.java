package org.maskrt.runtime;

import ai.onnxruntime.OrtException;
import java.util.function.Supplier;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** The one place where an error of ONNX Runtime becomes ours. */
final class OrtErrors {
    @FunctionalInterface
    interface Call<R> {
        R run() throws OrtException;
    }

    private OrtErrors() {}

    static <R> R checked(ExitCode code, Supplier<String> what, Call<R> call) {
        try {
            return call.run();
        } catch (OrtException | IllegalStateException e) {
            throw new MaskRtException(code, what.get() + " (" + oneLine(e) + ")", e);
        }
    }

    /** The message of {@code e} without line breaks, never empty. */
    static String oneLine(Throwable e) {
        String text = e.getMessage() == null ? e.toString() : e.getMessage();
        String line = text.strip().replaceAll("\\s*\\R\\s*", " ");
        return line.length() <= 400 ? line : line.substring(0, 400) + "…";
    }
}

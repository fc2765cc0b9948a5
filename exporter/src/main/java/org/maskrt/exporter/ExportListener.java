package org.maskrt.exporter;

import java.util.Locale;

/** Hears how far an export is, on the thread that exports. */
@FunctionalInterface
public interface ExportListener {
    /** Hears nothing. */
    ExportListener NONE = (graph, stage, fraction) -> {};

    /** The stages of one graph, in order. */
    enum Stage {
        /** The weights are hashed; once for all graphs of the same weights. */
        HASH,
        WRITE,
        /** ONNX's checker and shape inference. */
        CHECK,
        /** ONNX Runtime against the eager model. */
        COMPARE;

        /** As it appears in messages. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * At the start of a stage (0), within it, and at its end (1).
     *
     * @param graph its name
     * @param fraction of the stage that is done
     */
    void progress(String graph, Stage stage, double fraction);
}

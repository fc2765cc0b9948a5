package org.maskrt.runtime;

/** Hears how far a generation is, on the thread that generates. */
@FunctionalInterface
public interface ProgressListener {
    /** Hears nothing. */
    ProgressListener NONE = (stage, done, total) -> {};

    /**
     * After each unit of work.
     *
     * @param stage that did it
     * @param done units of this stage done, over all batches
     * @param total units of this stage in the whole generation
     */
    void progress(Stage stage, int done, int total);
}

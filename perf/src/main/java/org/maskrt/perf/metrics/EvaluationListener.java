package org.maskrt.perf.metrics;

/** Hears how far an evaluation is; it may throw to end it. */
@FunctionalInterface
public interface EvaluationListener {
    /** Hears nothing. */
    EvaluationListener NONE = (what, done, total) -> {};

    /** {@code done} of {@code total} units of {@code what}. */
    void progress(String what, long done, long total);
}

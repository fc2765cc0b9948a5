package org.maskrt.perf.bench;

/** Hears what is being measured. */
@FunctionalInterface
public interface BenchListener {
    /** Hears nothing. */
    BenchListener NONE = (what, done, total) -> {};

    /**
     * Before each unit of work; what it throws ends the benchmark.
     *
     * @param what is measured
     * @param done units
     * @param total units
     */
    void progress(String what, int done, int total);
}

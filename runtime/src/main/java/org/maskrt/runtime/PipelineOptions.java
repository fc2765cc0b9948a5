package org.maskrt.runtime;

import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * How a pipeline runs.
 *
 * @param backend where graphs run
 * @param threads for the work inside one run; 0 for one per core
 * @param maxBatch rows that go through the denoiser at once; a larger request is split
 */
public record PipelineOptions(String backend, int threads, int maxBatch) {
    /** The default backend, a thread per core, batches of 8. */
    public static final PipelineOptions DEFAULT = new PipelineOptions(Backend.DEFAULT, 0, 8);

    public PipelineOptions {
        if (maxBatch < 1) {
            throw new MaskRtException(ExitCode.USAGE, "the batch must be 1 or more, got " + maxBatch);
        }
    }

    /** These options on another backend. */
    public PipelineOptions withBackend(String name) {
        return new PipelineOptions(name, threads, maxBatch);
    }

    /** These options with another number of threads. */
    public PipelineOptions withThreads(int count) {
        return new PipelineOptions(backend, count, maxBatch);
    }

    /** These options with another limit on the batch. */
    public PipelineOptions withMaxBatch(int rows) {
        return new PipelineOptions(backend, threads, rows);
    }
}

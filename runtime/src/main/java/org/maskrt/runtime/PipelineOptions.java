package org.maskrt.runtime;

import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * How a pipeline runs.
 *
 * @param backend where graphs run
 * @param threads for the work inside one run; 0 for one per core
 * @param maxBatch rows that go through the denoiser at once; a larger request is split
 * @param memoryBudget bytes of device memory that the pipeline may take; 0 for all there are
 */
public record PipelineOptions(String backend, int threads, int maxBatch, long memoryBudget) {
    /** The default backend, a thread per core, batches of 8. */
    public static final PipelineOptions DEFAULT = new PipelineOptions(Backend.DEFAULT, 0, 8, 0);

    public PipelineOptions {
        if (maxBatch < 1) {
            throw new MaskRtException(ExitCode.USAGE, "the batch must be 1 or more, got " + maxBatch);
        }
        if (memoryBudget < 0) {
            throw new MaskRtException(
                    ExitCode.USAGE, "the memory budget must be 0 (all there is) or more, got " + memoryBudget);
        }
    }

    /** These options on another backend. */
    public PipelineOptions withBackend(String name) {
        return new PipelineOptions(name, threads, maxBatch, memoryBudget);
    }

    /** These options with another number of threads. */
    public PipelineOptions withThreads(int count) {
        return new PipelineOptions(backend, count, maxBatch, memoryBudget);
    }

    /** These options with another limit on the batch. */
    public PipelineOptions withMaxBatch(int rows) {
        return new PipelineOptions(backend, threads, rows, memoryBudget);
    }

    /** These options with another limit on the device's memory. */
    public PipelineOptions withMemoryBudget(long bytes) {
        return new PipelineOptions(backend, threads, maxBatch, bytes);
    }
}

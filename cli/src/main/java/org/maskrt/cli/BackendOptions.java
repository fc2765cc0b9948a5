package org.maskrt.cli;

import org.maskrt.runtime.PipelineOptions;
import picocli.CommandLine.Option;

/** Where a pipeline runs. */
final class BackendOptions {
    @Option(
            names = "--backend",
            paramLabel = "NAME",
            description = "ort-cpu, ort-cuda, ort-trt or trt; there is no silent fallback (default: ${DEFAULT-VALUE}).")
    private String backend = "ort-cpu";

    @Option(names = "--threads", paramLabel = "N", description = "Threads of the backend (default: one per core).")
    private int threads;

    @Option(
            names = "--max-batch",
            paramLabel = "N",
            description = "Pictures that go through the model at once; more are split (default: ${DEFAULT-VALUE}).")
    private int maxBatch = 8;

    PipelineOptions pipeline() {
        return new PipelineOptions(backend, threads, maxBatch);
    }
}

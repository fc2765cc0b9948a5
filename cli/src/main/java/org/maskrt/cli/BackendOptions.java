package org.maskrt.cli;

import org.jspecify.annotations.Nullable;
import org.maskrt.runtime.MemoryPlanner;
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

    @Option(
            names = "--memory-budget",
            paramLabel = "SIZE",
            description = "Device memory to fit into, such as 2GB, with --backend trt (default: all there is).")
    private @Nullable String memoryBudget;

    PipelineOptions pipeline() {
        return new PipelineOptions(
                backend, threads, maxBatch, memoryBudget == null ? 0 : MemoryPlanner.bytes(memoryBudget));
    }
}

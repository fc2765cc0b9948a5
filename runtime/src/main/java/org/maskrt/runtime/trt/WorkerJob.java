package org.maskrt.runtime.trt;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.nio.file.Path;

/** What a worker process is to do: one line of JSON on its standard input. The job is given up when that input ends. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "job")
@JsonSubTypes({
    @JsonSubTypes.Type(value = WorkerJob.Build.class, name = "build"),
    @JsonSubTypes.Type(value = WorkerJob.Refit.class, name = "refit")
})
public sealed interface WorkerJob {
    /** The folder with the graph. */
    Path folder();

    /** The graph as the caller has seen it. */
    ExportedGraph source();

    /** Where the plan goes; its sidecar and its list of kernels go beside it. */
    Path plan();

    /**
     * Builds an engine.
     *
     * @param cache where timings of kernels are kept
     */
    record Build(Path folder, ExportedGraph source, Path plan, EngineOptions options, Path cache)
            implements WorkerJob {}

    /**
     * Gives a built engine the weights of {@code folder}'s graph.
     *
     * @param donor the plan that is refitted
     */
    record Refit(Path folder, ExportedGraph source, Path plan, Path donor) implements WorkerJob {}
}

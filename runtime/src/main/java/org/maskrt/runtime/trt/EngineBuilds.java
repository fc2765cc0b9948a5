package org.maskrt.runtime.trt;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.trt.EngineOptions.Trait;
import org.maskrt.runtime.trt.EngineSidecar.Platform;

/** Makes the engines of a model folder, one after the other, each in a worker process; what is there and fits is left as it is. */
public final class EngineBuilds {
    /** Hears how the making of an engine goes, on the thread that waits for it. */
    public interface Listener {
        /**
         * The work goes on.
         *
         * @param stage what the worker is at
         * @param seconds since it began
         * @param expected seconds that the last one of this kind took; null if there was none
         */
        void progress(String graph, WorkerMessage.Stage stage, double seconds, @Nullable Double expected);

        /** TensorRT says something. */
        void message(String graph, TrtMessage message);
    }

    /**
     * An engine that is ready.
     *
     * @param file the plan, checked
     * @param made whether it was made now, rather than found
     */
    public record Ready(EngineFile file, boolean made) {}

    private final Platform platform;
    private final BuildCache cache;
    private final Supplier<EngineProcess> workers;
    private final Listener listener;
    private @Nullable EngineProcess running;
    private boolean cancelled;

    /**
     * For engines that run on {@code platform}.
     *
     * @param workers starts a worker process for each engine
     */
    public EngineBuilds(Platform platform, BuildCache cache, Supplier<EngineProcess> workers, Listener listener) {
        this.platform = platform;
        this.cache = cache;
        this.workers = workers;
        this.listener = listener;
    }

    /**
     * The engine of an exported graph.
     *
     * @param rebuild whether one that is there is built anew
     * @throws MaskRtException if one is there that does not fit and is not to be rebuilt, the message says in what; if the build fails; INTERRUPTED
     *     after {@link #cancel}
     */
    public Ready build(EngineStore store, String graph, EngineOptions options, boolean rebuild) {
        Path folder = store.graph(graph);
        ExportedGraph source = ExportedGraph.of(folder);
        Path plan = store.plan(source, options, platform.sm());
        // a plan without a description is what a crash left, and so is one that was never compared
        if (Files.exists(plan) && Files.exists(EngineSidecar.of(plan)) && !rebuild) {
            EngineFile found = EngineFile.open(plan, source, platform);
            found.require(options);
            if (found.trusted() || options.has(Trait.STRIPPED)) {
                return new Ready(found, false);
            }
        }
        return made(graph, source, new WorkerJob.Build(folder, source, plan, options, cache.folder()));
    }

    /**
     * The engine of a fine-tuned model's graph, by giving its weights to an engine of the model that it was made from.
     *
     * @param donors where the engines are that may take other weights
     * @param store the fine-tuned model, exported in the same way
     * @throws MaskRtException if there is no engine that takes other weights, or these do not fit it; INTERRUPTED after {@link #cancel}
     */
    public Ready refit(EngineStore donors, EngineStore store, String graph) {
        Path folder = store.graph(graph);
        ExportedGraph source = ExportedGraph.of(folder);
        Path donor = donor(donors, source);
        EngineOptions options = EngineSidecar.read(donor).options().without(Trait.STRIPPED);
        Path plan = store.plan(source, options, platform.sm());
        return made(graph, source, new WorkerJob.Refit(folder, source, plan, donor));
    }

    private Path donor(EngineStore donors, ExportedGraph wanted) {
        for (Path plan : donors.plans(wanted.graph())) {
            EngineSidecar is = EngineSidecar.read(plan);
            boolean takes = is.options().has(Trait.REFITTABLE)
                    || (is.options().has(Trait.STRIPPED)
                            && is.source().weightsSha256().equals(wanted.weightsSha256()));
            boolean fits = is.source().dtype().equals(wanted.dtype())
                    && is.source().bias().equals(wanted.bias())
                    && EngineFile.differences(is, is.source(), platform).isEmpty();
            if (takes && fits) {
                return plan;
            }
        }
        throw new MaskRtException(
                ExitCode.FAILURE,
                donors.model() + ": expected an engine of " + wanted.graph() + " in " + wanted.dtype() + " for sm_"
                        + platform.sm() + " and TensorRT " + platform.tensorrt()
                        + " that takes these weights, there is none among "
                        + donors.plans(wanted.graph()).size()
                        + "; build one with `maskrt build " + donors.model() + " --refit`");
    }

    private Ready made(String graph, ExportedGraph source, WorkerJob job) {
        String kind = kind(source, job);
        Double expected = cache.seconds(kind);
        EngineProcess worker = begin(job.plan());
        EngineSidecar sidecar = worker.run(job, said -> {
            if (said instanceof WorkerMessage.Progress progress) {
                listener.progress(graph, progress.stage(), progress.seconds(), expected);
            } else if (said instanceof WorkerMessage.Log log) {
                listener.message(graph, new TrtMessage(log.level(), log.text()));
            }
        });
        cache.remember(kind, sidecar.result().seconds());
        return new Ready(EngineFile.open(job.plan(), source, platform), true);
    }

    private String kind(ExportedGraph source, WorkerJob job) {
        String what = job instanceof WorkerJob.Build build
                ? "level-" + build.options().optimizationLevel()
                : "refit";
        return source.graph() + "-sm" + platform.sm() + "-" + source.dtype() + "-" + what;
    }

    private synchronized EngineProcess begin(Path plan) {
        if (cancelled) {
            throw new MaskRtException(ExitCode.INTERRUPTED, plan + ": interrupted; the engine was not made");
        }
        running = workers.get();
        return running;
    }

    /** Ends the work, from any thread. */
    public synchronized void cancel() {
        cancelled = true;
        if (running != null) {
            running.cancel();
        }
    }
}

package org.maskrt.runtime.trt;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.trt.WorkerMessage.Stage;

/** The other end of {@link EngineProcess}: does one job and says how it goes. */
public final class EngineWorker implements AutoCloseable {
    private final Consumer<String> out;
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread thread = new Thread(work, "worker-clock");
        thread.setDaemon(true);
        return thread;
    });
    private final long started = System.nanoTime();
    private volatile Stage stage = Stage.READ;

    /** @param out takes lines and may be called from several threads */
    public EngineWorker(Consumer<String> out) {
        this.out = out;
    }

    /**
     * Does the job in the first line of {@code in}.
     *
     * @param gone runs when {@code in} ends before the job does: nobody waits for it any more
     * @return the exit code of the process
     */
    public ExitCode run(BufferedReader in, Runnable gone) {
        try {
            String line = in.readLine();
            WorkerJob job = EngineJson.MAPPER.readValue(String.valueOf(line), WorkerJob.class);
            watch(in, gone);
            clock.scheduleAtFixedRate(() -> say(progress()), 1, 1, TimeUnit.SECONDS);
            say(new WorkerMessage.Done(work(job)));
            return ExitCode.OK;
        } catch (MaskRtException e) {
            return fail(e.code(), e.getMessage());
        } catch (IOException | RuntimeException | LinkageError e) {
            return fail(ExitCode.FAILURE, "the engine was not made: unexpected " + e + "; please report it");
        }
    }

    private EngineSidecar work(WorkerJob job) {
        GpuRuntime gpu = GpuRuntime.open();
        gpu.requireParser();
        TrtLogger logger = gpu.logger(message -> {
            if (message.level().compareTo(TrtMessage.Level.INFO) <= 0) {
                say(new WorkerMessage.Log(message.level(), message.text()));
            }
        });
        EngineMaker maker = new EngineMaker(gpu, logger, this::enter);
        return job instanceof WorkerJob.Build build ? maker.build(build) : maker.refit((WorkerJob.Refit) job);
    }

    private void enter(Stage next) {
        stage = next;
        say(progress());
    }

    private WorkerMessage.Progress progress() {
        return new WorkerMessage.Progress(stage, (System.nanoTime() - started) / 1e9);
    }

    private void say(WorkerMessage message) {
        out.accept(message.line());
    }

    private ExitCode fail(ExitCode code, @Nullable String message) {
        say(new WorkerMessage.Failed(code, String.valueOf(message)));
        return code;
    }

    private static void watch(BufferedReader in, Runnable gone) {
        Thread thread = new Thread(
                () -> {
                    try {
                        while (in.readLine() != null) {
                            // nothing follows the job
                        }
                    } catch (IOException e) {
                        // as good as an end
                    }
                    gone.run();
                },
                "worker-watch");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }
}

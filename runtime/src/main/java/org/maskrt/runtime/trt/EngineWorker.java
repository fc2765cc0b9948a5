package org.maskrt.runtime.trt;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.Timer;
import java.util.TimerTask;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.trt.WorkerMessage.Stage;

/** The other end of {@link EngineProcess}: does one job and says how it goes. */
public final class EngineWorker implements AutoCloseable {
    private static final long SECOND_MILLIS = 1000;

    private final Consumer<String> out;
    private final Timer clock = new Timer("worker-clock", true);
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
            clock.scheduleAtFixedRate(
                    new TimerTask() {
                        @Override
                        public void run() {
                            say(progress());
                        }
                    },
                    SECOND_MILLIS,
                    SECOND_MILLIS);
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
        EngineSidecar made =
                job instanceof WorkerJob.Build build ? maker.build(build) : maker.refit((WorkerJob.Refit) job);
        if (made.options().has(EngineOptions.Trait.STRIPPED)) {
            // there are no weights to run; the engine that gets them is checked
            return made;
        }
        enter(Stage.CHECK);
        return EngineCheck.of(gpu, logger, job, made);
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
        clock.cancel();
    }
}

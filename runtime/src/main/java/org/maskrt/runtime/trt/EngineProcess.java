package org.maskrt.runtime.trt;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * A worker process: TensorRT reports some faults by ending the process that it runs in, so engines are made in one of their own, whose end is
 * a message.
 */
public final class EngineProcess {
    private static final int LAST_LINES = 3;
    private static final int LINE_LENGTH = 240;
    private static final long PATIENCE_SECONDS = 5;

    private final List<String> command;
    private final Map<String, String> environment;
    private @Nullable Process process;
    private boolean cancelled;

    /**
     * Not started yet.
     *
     * @param command that starts a worker
     * @param environment that it gets besides this process's
     */
    public EngineProcess(List<String> command, Map<String, String> environment) {
        this.command = List.copyOf(command);
        this.environment = Map.copyOf(environment);
    }

    /**
     * Does a job and waits for its end.
     *
     * @param listener hears what the worker says, on this thread
     * @return what the finished plan is
     * @throws MaskRtException what the worker reports; FAILURE if it ends without a report, with what it said last; INTERRUPTED after {@link
     *     #cancel}. Nothing half-written is left.
     */
    public EngineSidecar run(WorkerJob job, Consumer<WorkerMessage> listener) {
        Deque<String> last = new ArrayDeque<>();
        try {
            Process started = start();
            try {
                send(started, job);
                WorkerMessage.Done done = listen(started, listener, last);
                int code = started.waitFor();
                if (done != null && code == 0) {
                    return done.sidecar();
                }
                throw ended(job, code, last);
            } finally {
                stop(started);
                sweep(job.plan());
            }
        } catch (IOException e) {
            throw cancelled()
                    ? interrupted(job)
                    : new MaskRtException(
                            ExitCode.FAILURE,
                            job.plan() + ": the process that makes the engine cannot be talked to: " + e.getMessage()
                                    + (last.isEmpty() ? "" : "; it said last: " + String.join(" | ", last))
                                    + "; try again",
                            e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw interrupted(job);
        }
    }

    private synchronized Process start() throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        Process started = builder.start();
        process = started;
        if (cancelled) {
            started.destroy();
        }
        return started;
    }

    /** Its input stays open: a worker whose caller is gone sees that it ends. */
    private static void send(Process started, WorkerJob job) throws IOException {
        OutputStream in = started.getOutputStream();
        in.write((EngineJson.line(job) + "\n").getBytes(StandardCharsets.UTF_8));
        in.flush();
    }

    private WorkerMessage.@Nullable Done listen(Process started, Consumer<WorkerMessage> listener, Deque<String> last)
            throws IOException {
        WorkerMessage.Done done = null;
        BufferedReader lines = started.inputReader(StandardCharsets.UTF_8);
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            WorkerMessage message = WorkerMessage.of(line);
            if (message instanceof WorkerMessage.Failed failed) {
                throw new MaskRtException(failed.code(), failed.message());
            }
            if (message instanceof WorkerMessage.Done finished) {
                done = finished;
            }
            String said = message == null ? line : message instanceof WorkerMessage.Log log ? log.text() : "";
            if (!said.isBlank()) {
                remember(last, said);
            }
            if (message != null) {
                listener.accept(message);
            }
        }
        return done;
    }

    private static void remember(Deque<String> last, String line) {
        String text = line.strip();
        last.add(text.length() <= LINE_LENGTH ? text : text.substring(0, LINE_LENGTH) + "…");
        if (last.size() > LAST_LINES) {
            last.remove();
        }
    }

    private MaskRtException ended(WorkerJob job, int code, Deque<String> last) {
        // a terminal interrupts both processes, and the worker may be the first to end
        if (cancelled() || code == ExitCode.INTERRUPTED.value()) {
            return interrupted(job);
        }
        return new MaskRtException(
                ExitCode.FAILURE,
                job.plan() + ": the process that makes the engine ended with " + code + reason(code)
                        + " and no result; it said last: "
                        + (last.isEmpty() ? "nothing" : String.join(" | ", last))
                        + "; try again, with a smaller --workspace or --batch if memory was short");
    }

    private static String reason(int code) {
        return switch (code) {
            case 134 -> " (it aborted itself)";
            case 137 -> " (it was killed, often for want of memory)";
            case 139 -> " (it read where it may not)";
            default -> "";
        };
    }

    private static MaskRtException interrupted(WorkerJob job) {
        return new MaskRtException(ExitCode.INTERRUPTED, job.plan() + ": interrupted; the engine was not made");
    }

    /** Ends the job, from any thread. */
    public synchronized void cancel() {
        cancelled = true;
        if (process != null) {
            process.destroy();
        }
    }

    private synchronized boolean cancelled() {
        return cancelled;
    }

    private static void stop(Process started) {
        started.destroy();
        try {
            if (!started.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                started.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            started.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    /** A killed process cannot remove what it was writing. */
    private static void sweep(Path plan) {
        Path folder = plan.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            return;
        }
        String name = plan.getFileName().toString();
        String key = "." + name.substring(0, name.length() - EngineFile.SUFFIX.length());
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String left = file.getFileName().toString();
                if (left.startsWith(key + ".") && left.endsWith(".tmp")) {
                    Files.delete(file);
                }
            }
        } catch (IOException e) {
            System.getLogger(EngineProcess.class.getName())
                    .log(System.Logger.Level.WARNING, folder + ": leftovers could not be removed: " + e.getMessage());
        }
    }
}

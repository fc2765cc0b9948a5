package org.maskrt.trainer.data;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * What the steps of a run need, made ready a few steps ahead by background threads while the step before is computed. What a step gets is a
 * function of its number alone, however many threads there are.
 *
 * @param <T> what a step needs
 */
public final class ReadAhead<T> implements AutoCloseable {
    private static final int MOST_THREADS = 4;
    private static final int STEPS_AHEAD = 2;

    private final LongFunction<T> read;
    private final Queue<Future<T>> ready = new ArrayDeque<>();
    private final ExecutorService readers;
    private long step;
    private long waitedNanos;

    /**
     * Starts to read.
     *
     * @param read what a step needs; called by several threads at once
     * @param firstStep the step of the first call of {@link #next}: 0, or where a run resumes
     */
    public ReadAhead(LongFunction<T> read, long firstStep) {
        this.read = read;
        this.step = firstStep;
        int threads = Math.max(1, Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors() - 1));
        this.readers = Executors.newFixedThreadPool(threads, task -> {
            Thread thread = new Thread(task, "maskrt-read-ahead");
            thread.setDaemon(true);
            return thread;
        });
        while (ready.size() < threads + STEPS_AHEAD) {
            readOneMore();
        }
    }

    /** What the next step needs; waits for it if need be. What its reading threw is thrown here. */
    public T next() {
        if (readers.isShutdown()) {
            throw new IllegalStateException("read-ahead: closed; open it anew at the step that is wanted");
        }
        readOneMore();
        Future<T> wanted = ready.remove();
        long from = System.nanoTime();
        try {
            return wanted.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            if (e.getCause() instanceof Error cause) {
                throw cause;
            }
            throw new IllegalStateException("read-ahead: step not read", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MaskRtException(ExitCode.INTERRUPTED, "read-ahead: interrupted while waiting for data", e);
        } finally {
            waitedNanos += System.nanoTime() - from;
        }
    }

    /** How long the calls of {@link #next} have waited, all together. */
    public long waitedNanos() {
        return waitedNanos;
    }

    private void readOneMore() {
        long k = step++;
        ready.add(readers.submit(() -> read.apply(k)));
    }

    /** Stops the background threads; what was read ahead is dropped. */
    @Override
    public void close() {
        readers.shutdownNow();
        try {
            if (!readers.awaitTermination(10, TimeUnit.SECONDS)) {
                throw new IllegalStateException("read-ahead: a step is still being read 10 s after close");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

package org.maskrt.runtime;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Runs of a graph with one thread each, two at a time. Two threads that share the work of one run wait for each other after every operation, which
 * costs most where the cores share no cache or have other work; runs of their own do not.
 */
final class RowRuns implements AutoCloseable {
    /** Two rows keep this many cores busy. */
    static final int CORES = 2;

    private final ExecutorService worker = Executors.newFixedThreadPool(CORES - 1, task -> {
        Thread thread = new Thread(task, "maskrt-rows");
        thread.setDaemon(true);
        return thread;
    });

    /** Runs all of {@code runs} on the caller's thread and the worker's, whichever is free. */
    void inTurn(List<Runnable> runs) {
        AtomicInteger next = new AtomicInteger();
        CountDownLatch left = new CountDownLatch(runs.size());
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Runnable drain = () -> {
            for (int i = next.getAndIncrement(); i < runs.size(); i = next.getAndIncrement()) {
                try {
                    runs.get(i).run();
                } catch (RuntimeException | Error e) {
                    failure.compareAndSet(null, e);
                } finally {
                    left.countDown();
                }
            }
        };
        try {
            worker.execute(drain);
        } catch (RejectedExecutionException e) {
            // closed meanwhile, as the graph will say
        }
        drain.run();
        awaitUninterrupted(left);
        Throwable first = failure.get();
        if (first instanceof Error error) {
            throw error;
        } else if (first instanceof RuntimeException exception) {
            throw exception;
        }
    }

    /** The tensors of a native run must not be touched before it ends, interrupted or not. */
    private static void awaitUninterrupted(CountDownLatch left) {
        boolean interrupted = false;
        while (left.getCount() > 0) {
            try {
                left.await();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        worker.shutdown();
    }
}

package org.maskrt.runtime;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * Requests that arrive at any time, in one batch that runs: for servers.
 *
 * <pre>{@code
 * try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, PipelineOptions.DEFAULT);
 *         BatchingPipeline batching = BatchingPipeline.over(pipeline, 64)) {
 *     CompletableFuture<GenerationResult> picture = batching.submit(request).orTimeout(20, TimeUnit.SECONDS);
 * }
 * }</pre>
 *
 * <p>Each picture is a row of the batch, with its own step, condition, noise, guidance and sampler. It joins at the next step of the batch if fewer
 * than {@link PipelineOptions#maxBatch} rows run, in the order of submission, and leaves after its last step; pictures are decoded beside the
 * batch. A picture is that of {@link DiffusionPipeline#generate} but for rounding, whatever runs beside it.
 *
 * <p>A future that is cancelled, or completed by someone else as {@link CompletableFuture#orTimeout} does, ends its request: it gives up its place
 * in the queue at once and its rows at the next step. What fails, be it a picture that is not finite or a listener that throws, fails its own request
 * only. Listeners are called on the thread that runs the batch, and what depends on a future on the thread that decodes: neither should take long.
 *
 * <p>Safe for several threads.
 */
public final class BatchingPipeline implements AutoCloseable {
    private final DiffusionPipeline pipeline;
    private final int limit;
    private final Thread loop;
    private final ExecutorService delivery;
    private final Object monitor = new Object();

    // all below are guarded by the monitor
    private final Deque<BatchJob<?>> queue = new ArrayDeque<>();
    private final Set<BatchJob<?>> unfinished = new LinkedHashSet<>();
    private int undelivered;
    private boolean closing;
    private @Nullable Thread deliverer;

    private BatchingPipeline(DiffusionPipeline pipeline, int limit) {
        this.pipeline = pipeline;
        this.limit = limit;
        this.loop = new Thread(this::run, "maskrt-batch");
        loop.setDaemon(true);
        this.delivery = Executors.newSingleThreadExecutor(this::deliveryThread);
    }

    /**
     * On the graphs of {@code pipeline}, which must be open until this is closed and may be used for other work meanwhile.
     *
     * @param limit pictures that wait at most
     * @throws MaskRtException (USAGE) if the limit is below 1
     */
    public static BatchingPipeline over(DiffusionPipeline pipeline, int limit) {
        if (limit < 1) {
            throw new MaskRtException(
                    ExitCode.USAGE, "the queue of a running batch must hold 1 picture or more, got " + limit);
        }
        BatchingPipeline made = new BatchingPipeline(pipeline, limit);
        made.loop.start();
        return made;
    }

    private Thread deliveryThread(Runnable work) {
        Thread thread = new Thread(work, "maskrt-decode");
        thread.setDaemon(true);
        synchronized (monitor) {
            deliverer = thread;
        }
        return thread;
    }

    /** {@link #submit(GenerationRequest, ProgressListener)} in silence. */
    public CompletableFuture<GenerationResult> submit(GenerationRequest request) {
        return submit(request, ProgressListener.NONE);
    }

    /**
     * Queues the pictures of a request. The first request that needs a graph loads it on the calling thread.
     *
     * @return the result, or what {@link DiffusionPipeline#generate} would throw
     * @throws MaskRtException USAGE if the request does not fit the model or the queue; FAILURE if the queue is full, a graph is missing or this is
     *     closed
     */
    public CompletableFuture<GenerationResult> submit(GenerationRequest request, ProgressListener listener) {
        requireRoom(request.labels().size());
        return enqueue(pipeline.job(request, listener));
    }

    /** {@link #submit(CustomizationRequest, ProgressListener)} in silence. */
    public CompletableFuture<CustomizationResult> submit(CustomizationRequest request) {
        return submit(request, ProgressListener.NONE);
    }

    /**
     * Queues the pictures of a request. Objects and scenes are encoded on the calling thread.
     *
     * @return the result, or what {@link DiffusionPipeline#customize} would throw
     * @throws MaskRtException as {@link #submit(GenerationRequest, ProgressListener)}
     */
    public CompletableFuture<CustomizationResult> submit(CustomizationRequest request, ProgressListener listener) {
        requireRoom(request.pairs().size());
        return enqueue(pipeline.job(request, listener));
    }

    private <R> CompletableFuture<R> enqueue(BatchJob<R> job) {
        synchronized (monitor) {
            requireRoom(job.work().count());
            queue.add(job);
            unfinished.add(job);
            monitor.notifyAll();
        }
        CompletableFuture<R> unused = job.future().whenComplete((result, e) -> forget(job));
        return job.future();
    }

    private void forget(BatchJob<?> job) {
        synchronized (monitor) {
            queue.remove(job);
            unfinished.remove(job);
            monitor.notifyAll();
        }
    }

    private void requireRoom(int count) {
        synchronized (monitor) {
            if (closing) {
                throw new MaskRtException(ExitCode.FAILURE, "the batching pipeline is closed; open another");
            }
            if (count > limit) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        "expected a request of at most " + limit + " pictures, as many as may wait, got " + count
                                + "; split it, or allow more to wait");
            }
            int waiting = waiting();
            if (waiting + count > limit) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        "the queue is full: " + waiting + " pictures wait, the limit is " + limit
                                + " and the request has " + count + "; submit it again when others are done");
            }
        }
    }

    /** Pictures that have been submitted and have not joined the batch. */
    public int waiting() {
        synchronized (monitor) {
            return queue.stream().mapToInt(BatchJob::waiting).sum();
        }
    }

    /** Cancels every request that waits or runs. */
    public void cancelAll() {
        List<BatchJob<?>> jobs;
        synchronized (monitor) {
            jobs = List.copyOf(unfinished);
        }
        jobs.forEach(job -> job.future().cancel(true));
    }

    /** A picture that joins the batch. */
    private record Joining(BatchJob<?> job, int picture) {}

    private void run() {
        try (RunningBatch batch = pipeline.runningBatch()) {
            List<BatchJob<?>> running = new ArrayList<>();
            while (true) {
                List<Joining> joining = await(batch);
                if (joining.isEmpty() && batch.isEmpty()) {
                    return;
                }
                for (Joining next : joining) {
                    if (next.picture() == 0) {
                        running.add(next.job());
                    }
                    batch.join(next.job(), next.picture());
                }
                batch.step();
                List<BatchJob<?>> complete =
                        running.stream().filter(BatchJob::complete).toList();
                complete.forEach(this::deliver);
                running.removeAll(complete);
            }
        } catch (RuntimeException | Error e) {
            abandon(e);
        } finally {
            delivery.shutdown();
        }
    }

    /** The batch cannot go on: nobody may wait for it for ever. */
    private void abandon(Throwable e) {
        List<BatchJob<?>> jobs;
        synchronized (monitor) {
            closing = true;
            jobs = List.copyOf(unfinished);
        }
        jobs.forEach(job -> job.future().completeExceptionally(e));
    }

    /** Waits for work; the pictures that join now, none if those that run must go on, or this is closed and nothing is left. */
    private List<Joining> await(RunningBatch batch) {
        synchronized (monitor) {
            while (true) {
                queue.removeIf(BatchJob::over);
                List<Joining> joining = admit(batch.room());
                if (!joining.isEmpty() || !batch.isEmpty() || (closing && queue.isEmpty())) {
                    return joining;
                }
                try {
                    monitor.wait();
                } catch (InterruptedException e) {
                    throw new IllegalStateException("nobody knows this thread to interrupt it", e);
                }
            }
        }
    }

    private List<Joining> admit(int room) {
        List<Joining> joining = new ArrayList<>();
        // undecoded latents are bounded too: the decoder may be the slower part
        while (joining.size() < room && !queue.isEmpty() && undelivered < pipeline.maxBatch()) {
            BatchJob<?> job = queue.element();
            joining.add(new Joining(job, job.admit()));
            if (job.waiting() == 0) {
                queue.remove();
            }
        }
        return joining;
    }

    private void deliver(BatchJob<?> job) {
        synchronized (monitor) {
            queue.remove(job);
            undelivered += job.work().count();
        }
        delivery.execute(() -> {
            try {
                job.deliver();
            } finally {
                synchronized (monitor) {
                    undelivered -= job.work().count();
                    monitor.notifyAll();
                }
            }
        });
    }

    /**
     * Takes no more requests, finishes those that it has, and ends its threads; {@link #cancelAll} before makes it quick. If the waiting thread is
     * interrupted, the rest is cancelled. Closing again waits too; on one of the batch's own threads, in a listener say, it does not wait.
     */
    @Override
    public void close() {
        Thread current = Thread.currentThread();
        synchronized (monitor) {
            closing = true;
            monitor.notifyAll();
            if (current == loop || current == deliverer) {
                return;
            }
        }
        boolean interrupted = false;
        while (true) {
            try {
                loop.join();
                delivery.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
                break;
            } catch (InterruptedException e) {
                interrupted = true;
                cancelAll();
            }
        }
        if (interrupted) {
            current.interrupt();
        }
    }
}

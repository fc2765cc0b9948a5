package org.maskrt.runtime;

import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A request on its way through a running batch; all but the future belongs to the thread that runs the batch. */
final class BatchJob<R> {
    private final Work<R> work;
    private final SamplingPlan plan;
    private final ProgressListener listener;
    private final CompletableFuture<R> future = new CompletableFuture<>();
    private final Cancellation over = new Cancellation();
    private final float[] latents;
    private int admitted;
    private int finished;
    private int stepped;
    private long passes;
    private int conditioned;
    private long started;
    private long conditionNanos;
    private long denoiseNanos;
    private volatile @Nullable Throwable failure;

    /** @param latent elements of one */
    BatchJob(Work<R> work, SamplingPlan plan, ProgressListener listener, int latent) {
        this.work = work;
        this.plan = plan;
        this.listener = listener;
        this.latents = new float[Math.multiplyExact(work.count(), latent)];
        CompletableFuture<R> unused = future.whenComplete((result, e) -> over.cancel());
    }

    CompletableFuture<R> future() {
        return future;
    }

    SamplingPlan plan() {
        return plan;
    }

    Work<R> work() {
        return work;
    }

    /** Pictures that have not joined the batch. */
    int waiting() {
        return work.count() - admitted;
    }

    /** The picture that joins the batch now. */
    int admit() {
        if (admitted == 0) {
            started = System.nanoTime();
        }
        return admitted++;
    }

    /** Whether the request needs no more work: it failed, or its caller has cancelled or completed the future. */
    boolean over() {
        return failure != null || future.isDone();
    }

    void fail(Throwable e) {
        if (failure == null) {
            failure = e;
        }
    }

    /** The conditioner has run for one row and {@code steps} more steps, in so many nanoseconds. */
    void conditioned(int steps, long nanos) {
        conditionNanos += nanos;
        conditioned += steps;
        report(Stage.CONDITION, conditioned);
    }

    /** A row has made a step, for which the model ran {@code halves} halves. */
    void stepped(int halves) {
        stepped++;
        passes += halves;
        report(Stage.DENOISE, stepped);
    }

    private void report(Stage stage, int done) {
        try {
            listener.progress(stage, done, work.count() * plan.size());
        } catch (RuntimeException | Error e) {
            fail(e);
        }
    }

    /** The latent of a picture is there. */
    void finish(int picture, float[] latent) {
        System.arraycopy(latent, 0, latents, picture * latent.length, latent.length);
        finished++;
        denoiseNanos = System.nanoTime() - started - conditionNanos;
    }

    /** Whether the latents of all pictures are there, or none will come any more. */
    boolean complete() {
        return finished == work.count() || over();
    }

    /** Makes the result of the latents, and completes the future with it or with what failed. */
    void deliver() {
        if (future.isDone()) {
            return;
        }
        Throwable failed = failure;
        if (failed != null) {
            future.completeExceptionally(failed);
            return;
        }
        try {
            Progress progress =
                    new Progress(listener, over, new Progress.Denoised(conditionNanos, denoiseNanos, stepped, passes));
            future.complete(work.finish().of(latents, progress, plan.fusedSteps(), plan.size()));
        } catch (RuntimeException | Error e) {
            future.completeExceptionally(e);
        }
    }
}

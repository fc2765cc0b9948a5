package org.maskrt.runtime;

import org.jspecify.annotations.Nullable;
import org.maskrt.runtime.device.MemoryUse;

/** Tells a listener how far a generation is, measures its stages, and ends it when that is asked for. */
final class Progress implements SamplingLoop.Watch {
    private final ProgressListener listener;
    private final Cancellation cancellation;
    private int batches = 1;
    private int steps = 1;
    private int batch;
    private int stepped;
    private long passes;
    private long loadNanos;
    private long conditionNanos;
    private long denoiseNanos;
    private long decodeNanos;
    private long mark = System.nanoTime();

    Progress(ProgressListener listener, Cancellation cancellation) {
        this.listener = listener;
        this.cancellation = cancellation;
    }

    /** Stages of a generation whose latents are there already. */
    record Denoised(long conditionNanos, long denoiseNanos, int steps, long passes) {}

    Progress(ProgressListener listener, Cancellation cancellation, Denoised denoised) {
        this(listener, cancellation);
        conditionNanos = denoised.conditionNanos();
        denoiseNanos = denoised.denoiseNanos();
        stepped = denoised.steps();
        passes = denoised.passes();
    }

    private long lap() {
        long now = System.nanoTime();
        long lap = now - mark;
        mark = now;
        return lap;
    }

    /** Graphs are loaded; {@code total} batches of {@code each} steps follow. */
    void loaded(int total, int each) {
        loadNanos += lap();
        batches = total;
        steps = each;
        cancellation.check(Stage.DENOISE, 0, batches * steps);
    }

    @Override
    public void conditioned(int count) {
        conditionNanos += lap();
        report(Stage.CONDITION, batch * steps + count, batches * steps);
    }

    @Override
    public void stepped(int i, float[] sample) {
        denoiseNanos += lap();
        stepped = batch * steps + i + 1;
        batch = stepped / steps;
        report(Stage.DENOISE, stepped, batches * steps);
    }

    @Override
    public void ran(int rows) {
        passes += rows;
    }

    @Override
    public boolean looks() {
        return false;
    }

    void decoded(int done, int total) {
        decodeNanos += lap();
        report(Stage.DECODE, done, total);
    }

    private void report(Stage stage, int done, int total) {
        listener.progress(stage, done, total);
        if (stage != Stage.DECODE || done < total) {
            cancellation.check(stage, done, total);
        }
    }

    /** @param memory of the device, if there is one */
    Timings timings(@Nullable MemoryUse memory) {
        return new Timings(
                millis(loadNanos),
                millis(conditionNanos),
                millis(denoiseNanos),
                millis(decodeNanos),
                stepped,
                passes,
                memory);
    }

    private static double millis(long nanos) {
        return nanos / 1e6;
    }
}

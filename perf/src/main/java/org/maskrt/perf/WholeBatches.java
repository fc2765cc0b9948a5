package org.maskrt.perf;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.Seeds;

/**
 * A server that takes the request that has waited longest and those of the same sampler and guidance that wait with it, runs them as one batch to the
 * end, and then takes the next.
 */
final class WholeBatches implements AutoCloseable {
    private final DiffusionPipeline pipeline;
    private final int rows;
    private final List<Waiting> queue = new ArrayList<>();
    private final Thread thread = new Thread(this::run, "whole-batches");
    private boolean closed;

    private record Waiting(GenerationRequest request, CompletableFuture<GenerationResult> result) {
        boolean fits(Waiting other) {
            return request.sampling().equals(other.request.sampling())
                    && request.guidance().equals(other.request.guidance());
        }
    }

    /** @param rows of a batch at most */
    WholeBatches(DiffusionPipeline pipeline, int rows) {
        this.pipeline = pipeline;
        this.rows = rows;
        thread.setDaemon(true);
        thread.start();
    }

    synchronized CompletableFuture<GenerationResult> submit(GenerationRequest request) {
        CompletableFuture<GenerationResult> result = new CompletableFuture<>();
        queue.add(new Waiting(request, result));
        notifyAll();
        return result;
    }

    /** Requests of one picture each, which differ in class and seed, as one. */
    static GenerationRequest together(List<GenerationRequest> requests) {
        GenerationRequest first = requests.get(0);
        return GenerationRequest.of(
                        requests.stream().flatMap(r -> r.labels().stream()).toList())
                .with(Seeds.perImage(requests.stream()
                        .flatMap(r -> r.seeds().values().stream())
                        .toList()))
                .with(first.sampling())
                .with(first.guidance());
    }

    private void run() {
        for (List<Waiting> batch = next(); !batch.isEmpty(); batch = next()) {
            List<Waiting> taken = batch;
            try {
                GenerationResult result = pipeline.generate(
                        together(taken.stream().map(Waiting::request).toList()));
                taken.forEach(w -> w.result().complete(result));
            } catch (RuntimeException | Error e) {
                taken.forEach(w -> w.result().completeExceptionally(e));
            }
        }
    }

    /** The next batch; empty if this is closed. */
    private synchronized List<Waiting> next() {
        while (queue.isEmpty() && !closed) {
            try {
                wait();
            } catch (InterruptedException e) {
                return List.of();
            }
        }
        List<Waiting> batch = new ArrayList<>();
        for (Iterator<Waiting> each = queue.iterator(); each.hasNext() && batch.size() < rows; ) {
            Waiting next = each.next();
            if (batch.isEmpty() || batch.get(0).fits(next)) {
                batch.add(next);
                each.remove();
            }
        }
        return batch;
    }

    /** Serves what waits, then ends. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}

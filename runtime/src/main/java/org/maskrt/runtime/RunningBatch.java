package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.maskrt.models.Denoiser;

/**
 * Rows of many requests that make their steps together. Rows join and leave between steps; those whose next step is a fused one run in
 * {@code guided_step}, the halves of the others in {@code denoiser}. For one thread.
 */
final class RunningBatch implements AutoCloseable {
    private final Denoiser model;
    private final Graphs graphs;
    private final TensorPool pool;
    private final TensorPool.Lease tensors;
    private final int most;
    private final List<BatchRow> rows = new ArrayList<>();
    private final Map<Integer, FusedBatch> fused = new HashMap<>();
    private final Map<Integer, HalfBatch> halved = new HashMap<>();

    /** @param most rows */
    RunningBatch(Denoiser model, Graphs graphs, TensorPool pool, int most) {
        this.model = model;
        this.graphs = graphs;
        this.pool = pool;
        this.tensors = pool.lease();
        this.most = most;
    }

    /** How many rows may join. */
    int room() {
        return most - rows.size();
    }

    boolean isEmpty() {
        return rows.isEmpty();
    }

    /** The next picture of {@code job} joins; if that fails, its request fails. */
    void join(BatchJob<?> job, int picture) {
        TensorPool.Lease own = pool.lease();
        try {
            rows.add(new BatchRow(model, graphs.get(GraphSignature.conditioner(model)), job, picture, own));
        } catch (RuntimeException | Error e) {
            own.close();
            job.fail(e);
        }
    }

    /** One step of every row, then those that are done leave. */
    void step() {
        leave();
        rows.forEach(row -> guarded(List.of(row), row::prepare));
        leave();
        Map<Boolean, List<BatchRow>> ready = rows.stream().collect(Collectors.partitioningBy(BatchRow::fused));
        List<BatchRow> together = ready.getOrDefault(true, List.of());
        List<BatchRow> onHost = ready.getOrDefault(false, List.of());
        if (!together.isEmpty()) {
            guarded(
                    together,
                    () -> parts(together, limit(GraphSignature.guidedStep(model)))
                            .forEach(part -> guarded(part, () -> runFused(part))));
        }
        if (!onHost.isEmpty()) {
            guarded(onHost, () -> runHalves(onHost));
        }
        leave();
    }

    private void runFused(List<BatchRow> part) {
        for (BatchRow stuck : fused(part.size()).run(part)) {
            // alone it shows whether the row itself or another one is at fault, should the graph mix rows
            if (part.size() == 1 || !fused(1).run(List.of(stuck)).isEmpty()) {
                fail(stuck, GraphSignature.guidedStep(model));
            }
        }
    }

    private void runHalves(List<BatchRow> part) {
        List<HalfBatch.Half> halves =
                part.stream().flatMap(row -> row.halves().stream()).toList();
        parts(halves, limit(GraphSignature.denoiser(model)))
                .forEach(some -> halved(some.size()).run(some));
        for (BatchRow row : part) {
            if (!row.advance()) {
                row.halves().forEach(half -> halved(1).run(List.of(half)));
                if (!row.advance()) {
                    fail(row, GraphSignature.denoiser(model));
                }
            }
        }
    }

    private void fail(BatchRow row, GraphSignature graph) {
        row.job()
                .fail(SamplingLoop.notFinite(
                        graphs.folder(graph.name()), row.job().plan(), row.step()));
    }

    /** What fails in {@code action} fails the requests of the rows. */
    private static void guarded(List<BatchRow> rows, Runnable action) {
        try {
            action.run();
        } catch (RuntimeException | Error e) {
            rows.forEach(row -> row.job().fail(e));
        }
    }

    private static <T> List<List<T>> parts(List<T> all, int size) {
        return IntStream.range(0, (all.size() + size - 1) / size)
                .mapToObj(i -> all.subList(i * size, Math.min(all.size(), (i + 1) * size)))
                .toList();
    }

    private int limit(GraphSignature signature) {
        return size(signature, most);
    }

    private FusedBatch fused(int count) {
        GraphSignature signature = GraphSignature.guidedStep(model);
        return fused.computeIfAbsent(
                size(signature, count), size -> new FusedBatch(model, graphs.get(signature), size, tensors));
    }

    private HalfBatch halved(int count) {
        GraphSignature signature = GraphSignature.denoiser(model);
        return halved.computeIfAbsent(
                size(signature, count), size -> new HalfBatch(model, graphs.get(signature), size, tensors));
    }

    private int size(GraphSignature signature, int count) {
        Graph graph = graphs.get(signature);
        int fixed = LatentSampler.fixedBatch(graph);
        return fixed > 0 ? fixed : size(count, Math.min(most, graph.most("sample", 0)));
    }

    /**
     * The size that a batch of {@code count} rows runs as: exact up to 8 and then a quarter of a power of two apart, so that bindings are few and
     * less than a quarter of the rows are spare.
     */
    static int size(int count, int limit) {
        int apart = Math.max(1, Integer.highestOneBit(count - 1) / 4);
        return Math.min(limit, (count + apart - 1) / apart * apart);
    }

    /** Rows whose request needs no more work leave, and those that have made their steps. */
    void leave() {
        rows.removeIf(row -> {
            if (row.done()) {
                row.close();
                return true;
            }
            return false;
        });
    }

    @Override
    public void close() {
        rows.forEach(BatchRow::close);
        rows.clear();
        tensors.close();
    }
}

package org.maskrt.perf.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.OnnxFile;
import org.maskrt.exporter.OnnxGraph;
import org.maskrt.exporter.OnnxOps;
import org.maskrt.exporter.OnnxType;
import org.maskrt.exporter.OnnxValue;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.weights.Weights;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.DeviceTensor;
import org.maskrt.runtime.Graph;
import org.maskrt.runtime.GraphSignature;
import org.maskrt.runtime.TensorSpec;

/** The limits of this processor: the fastest of several large matrix products, and of several passes over memory. */
final class MachineLimits {
    private static final int RUNS = 9;

    private MachineLimits() {}

    /**
     * Measures.
     *
     * @param folder for the product's graph
     * @param side of the matrices; 2048 is large enough for the full speed
     * @param megabytes that each core reads: more than the caches hold, but no more than a quarter of the heap together
     */
    static Limits measure(Path folder, int side, int megabytes, BenchListener listener) {
        int cores = Runtime.getRuntime().availableProcessors();
        double gflops = product(folder, side, listener);
        int each = (int) Math.min(megabytes, Runtime.getRuntime().maxMemory() / 4_000_000 / cores);
        double bandwidth = bandwidth(cores, each, listener);
        return new Limits(
                "measured in this run: the fastest of " + RUNS + " fp32 products " + side + "x" + side
                        + " on ONNX Runtime, and of " + RUNS + " reads of " + cores * each + " MB",
                gflops,
                bandwidth);
    }

    private static double product(Path folder, int side, BenchListener listener) {
        OnnxGraph graph = new OnnxGraph();
        OnnxOps ops = new OnnxOps(graph, GraphStyle.DEFAULT);
        Params<OnnxValue> p = ops.params(Weights.lazy(
                "random", Map.of("w", Shape.of(side, side)), (path, shape) -> RandomWeights.tensor(path, shape, 1)));
        ops.output("out", ops.matmul(graph.input("a", Shape.of(side, side), OnnxType.FLOAT), p.get("w", side, side)));
        OnnxFile.write(folder, graph, Map.of(), fraction -> {});
        GraphSignature signature = new GraphSignature(
                "gemm", List.of(TensorSpec.fp32("a", side, side)), List.of(TensorSpec.fp32("out", side, side)));
        try (Backend backend = Backend.named(Backend.DEFAULT, 0);
                Graph opened = backend.open(folder, signature);
                DeviceTensor a = backend.floats(side, side);
                DeviceTensor out = backend.floats(side, side)) {
            a.write(RandomWeights.tensor("a", Shape.of(side, side), 1).values());
            Graph.Binding binding = opened.bind(Map.of("a", a), Map.of("out", out));
            double best = Double.POSITIVE_INFINITY;
            for (int i = 0; i < RUNS; i++) {
                listener.progress("matrix product", i, RUNS);
                best = Math.min(best, Contender.millis(binding::run));
            }
            return 2.0 * side * side * side / best / 1e6;
        }
    }

    /** Each thread compares two arrays that are equal, which the JVM does with its widest loads. */
    private static double bandwidth(int threads, int megabytes, BenchListener listener) {
        int half = megabytes * 500_000 / Long.BYTES;
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<long[][]> arrays = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                arrays.add(new long[][] {new long[half], new long[half]});
            }
            double best = 0;
            for (int i = 0; i < RUNS; i++) {
                listener.progress("memory bandwidth", i, RUNS);
                long started = System.nanoTime();
                List<Future<Boolean>> parts = new ArrayList<>();
                arrays.forEach(pair -> parts.add(pool.submit(() -> Arrays.equals(pair[0], pair[1]))));
                for (Future<Boolean> part : parts) {
                    part.get();
                }
                double seconds = (System.nanoTime() - started) / 1e9;
                best = Math.max(best, 2.0 * half * Long.BYTES * threads / seconds / 1e9);
            }
            return best;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while measuring memory bandwidth", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        } finally {
            pool.shutdownNow();
        }
    }
}

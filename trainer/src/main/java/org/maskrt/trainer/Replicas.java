package org.maskrt.trainer;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * Gradients of a batch, computed in parts on one device or several at once. Every device has a copy of the weights; the gradients are added on the
 * first device, where the optimiser is. The parts of a device come one after the other, so that only one of them is in memory.
 */
final class Replicas implements AutoCloseable {
    private static final int CLOSE_SECONDS = 60;

    /** A part's losses, as means over its rows. */
    private record Part(Rows rows, float loss, Map<String, Float> metrics) {}

    /** A device with its copy of the weights and, except for the first, its thread. */
    private static final class Replica {
        final NDManager manager;
        final NdOps ops;
        final PtNDArray weights;
        final ExecutorService thread = Executors.newSingleThreadExecutor(task -> {
            Thread t = new Thread(task, "maskrt-replica");
            t.setDaemon(true);
            return t;
        });

        Replica(NDManager manager, Precision precision, PtNDArray weights) {
            this.manager = manager;
            this.ops = new NdOps(manager, precision);
            this.weights = weights;
        }
    }

    private final TrainState state;
    private final List<Replica> replicas = new ArrayList<>();
    private final int threads;

    /**
     * Copies the weights to the devices.
     *
     * @param state on the first of the devices
     * @param precision of the matrix products
     */
    Replicas(Engine engine, TrainState state, List<Device> devices, Precision precision) {
        this.state = state;
        long cpus = devices.stream().filter(d -> !d.isGpu()).count();
        this.threads = (int) Math.max(1, Runtime.getRuntime().availableProcessors() / Math.max(1, cpus));
        float[] weights = devices.size() == 1 ? new float[0] : state.weights().toFloatArray();
        for (Device device : devices) {
            NDManager manager = engine.newBaseManager(device);
            PtNDArray copy = state.weights();
            if (!replicas.isEmpty()) {
                copy = (PtNDArray) manager.create(weights);
                NDScope.unregister(copy);
                copy.setRequiresGradient(true);
            }
            replicas.add(new Replica(manager, precision, copy));
        }
    }

    /**
     * Adds the gradient of a batch's mean loss to that of the state's weights.
     *
     * @param accumulate in how many parts each device computes its share
     * @return the metrics, then {@code loss}
     */
    Map<String, Float> gradients(TrainStep step, int accumulate) {
        int size = step.size();
        int count = Math.min(size, accumulate * replicas.size());
        List<Rows> parts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            parts.add(new Rows((int) ((long) size * i / count), (int) ((long) size * (i + 1) / count)));
        }
        List<Future<List<Part>>> others = new ArrayList<>();
        for (int r = 1; r < replicas.size(); r++) {
            Replica replica = replicas.get(r);
            int index = r;
            others.add(replica.thread.submit(() -> {
                Torch.engine();
                return run(replica, step, parts, index);
            }));
        }
        List<Part> done = new ArrayList<>(run(replicas.get(0), step, parts, 0));
        for (Future<List<Part>> other : others) {
            done.addAll(get(other));
        }
        reduce(replicas.subList(1, Math.min(count, replicas.size())));
        return mean(done, size);
    }

    private List<Part> run(Replica replica, TrainStep step, List<Rows> parts, int first) {
        if (replicas.size() > 1) {
            JniUtils.setNumThreads(threads);
        }
        List<Part> done = new ArrayList<>();
        for (int i = first; i < parts.size(); i += replicas.size()) {
            Rows rows = parts.get(i);
            Map<String, Float> metrics = new LinkedHashMap<>();
            try (NDScope scope = new NDScope()) {
                scope.suppressNotUsedWarning();
                float[] loss = new float[1];
                Torch.backward(() -> {
                    NDArray mean = step.loss(replica.ops, state.layout().views(replica.weights), rows, metrics);
                    loss[0] = mean.getFloat();
                    return rows.size() == step.size()
                            ? mean
                            : replica.ops.scale(mean, (float) rows.size() / step.size());
                });
                done.add(new Part(rows, loss[0], metrics));
            }
        }
        return done;
    }

    /** Adds the gradients of other devices to that of the first. */
    private void reduce(List<Replica> others) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            for (Replica other : others) {
                PtNDArray gradient = JniUtils.getGradient(state.weights());
                JniUtils.addi(
                        gradient,
                        JniUtils.to(JniUtils.getGradient(other.weights), DataType.FLOAT32, gradient.getDevice()));
                JniUtils.zeroGrad(other.weights);
            }
        }
    }

    private static Map<String, Float> mean(List<Part> parts, int size) {
        Map<String, Double> sums = new LinkedHashMap<>();
        for (Part part : parts) {
            double share = (double) part.rows.size() / size;
            part.metrics.forEach((name, value) -> sums.merge(name, share * value, Double::sum));
            sums.merge("loss", share * part.loss, Double::sum);
        }
        Map<String, Float> means = new LinkedHashMap<>();
        sums.forEach((name, value) -> means.put(name, value.floatValue()));
        return means;
    }

    private static List<Part> get(Future<List<Part>> part) {
        try {
            return part.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException("replica: failed", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MaskRtException(ExitCode.INTERRUPTED, "replica: interrupted while waiting for a device", e);
        }
    }

    /** Copies the state's weights, which a step has changed, to the other devices. */
    void share() {
        for (Replica other : replicas.subList(1, replicas.size())) {
            state.copyWeights(other.weights);
        }
    }

    @Override
    public void close() {
        for (Replica replica : replicas) {
            replica.thread.shutdown();
            try {
                if (!replica.thread.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                    throw new IllegalStateException("replica: a device still computes after " + CLOSE_SECONDS + " s");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            replica.ops.close();
            replica.manager.close();
        }
    }
}

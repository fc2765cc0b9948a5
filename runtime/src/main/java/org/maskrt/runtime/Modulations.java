package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The modulations of all steps and classes of a generation: the conditioner runs for as many steps at once as memory allows, before the
 * first of them.
 */
final class Modulations {
    /** 16 MiB of fp32. */
    private static final int LIMIT = 1 << 22;

    private final int[] timesteps;
    private final List<Integer> classes;
    private final int width;
    private final int chunk;
    private final int block;
    private final DeviceTensor times;
    private final List<DeviceTensor> outputs = new ArrayList<>();
    private final List<Graph.Binding> bindings = new ArrayList<>();
    private int first = -1;

    /** For {@code timesteps} in the order in which they run, and any of {@code classes}. */
    Modulations(TensorPool.Lease tensors, Graph conditioner, int[] timesteps, List<Integer> classes) {
        this.timesteps = timesteps.clone();
        this.classes = List.copyOf(classes);
        GraphSignature signature = conditioner.signature();
        this.width = signature.outputs().get(0).shape().dim(-1);
        int fixedSteps = signature.inputs().get(0).shape().dim(0);
        int fixedBatch = signature.inputs().get(1).shape().dim(0);
        block = fixedBatch > 0 ? fixedBatch : classes.size();
        int blocks = (classes.size() + block - 1) / block;
        long row = (long) blocks * block * width;
        chunk = fixedSteps > 0 ? fixedSteps : (int) Math.max(1, Math.min(timesteps.length, LIMIT / row));
        times = tensors.floats(chunk);
        for (int b = 0; b < blocks; b++) {
            DeviceTensor out = tensors.floats(chunk, block, width);
            DeviceTensor in = tensors.indices(block);
            outputs.add(out);
            long[] ids = new long[block];
            for (int i = 0; i < block; i++) {
                ids[i] = classes.get(Math.min(b * block + i, classes.size() - 1));
            }
            in.writeIndices(ids);
            bindings.add(conditioner.bind(Map.of("timesteps", times, "class_labels", in), Map.of("modulation", out)));
        }
    }

    /** Runs the conditioner if step {@code step} is not among those that it last ran for; how many steps it has run for so far. */
    int prepare(int step) {
        if (first < 0 || step < first || step >= first + chunk) {
            first = step;
            float[] values = new float[chunk];
            for (int i = 0; i < chunk; i++) {
                values[i] = timesteps[Math.min(step + i, timesteps.length - 1)];
            }
            times.write(values);
            bindings.forEach(Graph.Binding::run);
        }
        return Math.min(first + chunk, timesteps.length);
    }

    /** The modulation of a prepared step and of each row's class to {@code target} [B,K]. */
    void copy(int step, int[] rows, DeviceTensor target) {
        for (int r = 0; r < rows.length; r++) {
            int column = classes.indexOf(rows[r]);
            int from = ((step - first) * block + column % block) * width;
            target.copy(r * width, outputs.get(column / block), from, width);
        }
    }

    /** The null class (or any other) for every row. */
    void copyAll(int step, int label, int rows, DeviceTensor target) {
        int[] same = new int[rows];
        Arrays.fill(same, label);
        copy(step, same, target);
    }
}

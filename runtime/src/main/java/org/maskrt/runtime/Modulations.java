package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The modulations of all steps and conditions of a generation: the conditioner runs for as many steps at once as memory allows, before the
 * first of them.
 */
final class Modulations {
    /** 16 MiB of fp32. */
    private static final int LIMIT = 1 << 22;

    private final float[] timesteps;
    private final Conditions conditions;
    private final int width;
    private final int chunk;
    private final int block;
    private final DeviceTensor times;
    private final List<DeviceTensor> outputs = new ArrayList<>();
    private final List<Graph.Binding> bindings = new ArrayList<>();
    private int first = -1;

    /** For {@code timesteps} in the order in which they run. */
    Modulations(TensorPool.Lease tensors, Graph conditioner, float[] timesteps, Conditions conditions) {
        this.timesteps = timesteps.clone();
        this.conditions = conditions;
        GraphSignature signature = conditioner.signature();
        this.width = signature.outputs().get(0).shape().dim(-1);
        int fixedSteps = signature.inputs().get(0).shape().dim(0);
        int fixedBatch = signature.inputs().get(1).shape().dim(0);
        int mostBatch = conditioner.most(conditions.input(), 0);
        block = fixedBatch > 0 ? fixedBatch : Math.min(conditions.count(), mostBatch);
        int blocks = (conditions.count() + block - 1) / block;
        long row = (long) blocks * block * width;
        int mostSteps = Math.min(timesteps.length, conditioner.most("timesteps", 0));
        chunk = fixedSteps > 0 ? fixedSteps : (int) Math.max(1, Math.min(mostSteps, LIMIT / row));
        times = tensors.floats(chunk);
        for (int b = 0; b < blocks; b++) {
            DeviceTensor out = tensors.floats(chunk, block, width);
            outputs.add(out);
            DeviceTensor in = conditions.tensor(tensors, b * block, block);
            bindings.add(
                    conditioner.bind(Map.of("timesteps", times, conditions.input(), in), Map.of("modulation", out)));
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

    /** What the model is told of the time of step {@code step}. */
    float timestep(int step) {
        return timesteps[step];
    }

    /** The modulation of a prepared step and of each row's condition, or of the null condition for each, to {@code target} [B,K]. */
    void copy(int step, boolean conditional, DeviceTensor target) {
        for (int r = 0; r < conditions.rows(); r++) {
            copy(step, conditional ? conditions.column(r) : conditions.nullColumn(), target, r);
        }
    }

    /** The modulation of a prepared step and of a column of the conditions to row {@code row} of {@code target} [B,K]. */
    void copy(int step, int column, DeviceTensor target, int row) {
        int from = ((step - first) * block + column % block) * width;
        target.copy(row * width, outputs.get(column / block), from, width);
    }
}

package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.JniUtils;

/** Everything that a step changes: weights, AdamW's moments, the average of the weights, and how many steps there were. */
final class TrainState implements AutoCloseable {
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.999;
    private static final double EPS = 1e-8;

    private final PtNDManager manager;
    private final NativeOps natives;
    private final NdParams layout;
    private final PtNDArray weights;
    private final PtNDArray mean;
    private final PtNDArray variance;
    private final PtNDArray average;
    private long step;

    /**
     * On a manager of its own.
     *
     * @param arrays weights, first moment, second moment, average, each [P]
     */
    TrainState(NDManager owned, NdParams layout, long step, float[]... arrays) {
        this.manager = (PtNDManager) owned;
        this.natives = new NativeOps(manager);
        this.layout = layout;
        this.weights = keep(arrays[0]);
        this.mean = keep(arrays[1]);
        this.variance = keep(arrays[2]);
        this.average = keep(arrays[3]);
        this.step = step;
        weights.setRequiresGradient(true);
    }

    /** Before the first step. */
    static TrainState initial(NDManager owned, NdParams layout, float[] weights) {
        return new TrainState(owned, layout, 0, weights, new float[weights.length], new float[weights.length], weights);
    }

    NdParams layout() {
        return layout;
    }

    /** The number of steps so far. */
    long step() {
        return step;
    }

    NDArray weights() {
        return weights;
    }

    NDArray average() {
        return average;
    }

    /** Weights, first moment, second moment and average on the host, each [P]. */
    float[][] arrays() {
        return new float[][] {
            weights.toFloatArray(), mean.toFloatArray(), variance.toFloatArray(), average.toFloatArray()
        };
    }

    /**
     * One step of AdamW (Loshchilov and Hutter, 2019, algorithm 2) on the gradient that the last backward pass left, and one of the average.
     *
     * @return the global norm of the gradient, before it is clipped; if it is not finite nothing is changed
     */
    float update(OptimizerConfig config, long steps) {
        PtNDArray gradient = JniUtils.getGradient(weights);
        float norm = JniUtils.norm(gradient, 2, new int[] {0}, false).getFloat();
        if (!Float.isFinite(norm)) {
            return norm;
        }
        double rate = config.rate(step, steps);
        natives.run(
                "adamW",
                IValue.from(weights),
                IValue.from(gradient),
                IValue.from(mean),
                IValue.from(variance),
                IValue.from(Math.min(1, config.clipNorm() / norm)),
                IValue.from(rate / (1 - Math.pow(BETA1, (double) (step + 1)))),
                IValue.from(1 / Math.sqrt(1 - Math.pow(BETA2, (double) (step + 1)))),
                IValue.from(BETA1),
                IValue.from(BETA2),
                IValue.from(EPS),
                IValue.from(1 - rate * config.weightDecay()));
        natives.lerp(average, weights, 1 - config.emaDecay(step));
        JniUtils.zeroGrad(weights);
        step++;
        return norm;
    }

    private PtNDArray keep(float[] values) {
        PtNDArray x = (PtNDArray) manager.create(values);
        NDScope.unregister(x);
        return x;
    }

    @Override
    public void close() {
        natives.close();
        manager.close();
    }
}

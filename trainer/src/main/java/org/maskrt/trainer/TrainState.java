package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Everything that a step changes: weights, AdamW's moments, the averages of the weights, and how many steps there were. */
final class TrainState implements AutoCloseable {
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.999;
    private static final double EPS = 1e-8;
    private static final String WEIGHTS = "weights";
    private static final String MEAN = "first_moment";
    private static final String VARIANCE = "second_moment";

    private final PtNDManager manager;
    private final NativeOps natives;
    private final NdParams layout;
    private final PtNDArray weights;
    private final PtNDArray mean;
    private final PtNDArray variance;
    private final List<PtNDArray> averages = new ArrayList<>();
    private long step;

    /**
     * On a manager of its own, whose device is that of the state.
     *
     * @param arrays by {@link #names}, each [P]
     */
    TrainState(NDManager owned, NdParams layout, long step, Map<String, float[]> arrays) {
        this.manager = (PtNDManager) owned;
        this.natives = new NativeOps(manager);
        this.layout = layout;
        this.step = step;
        this.weights = keep(arrays, WEIGHTS);
        this.mean = keep(arrays, MEAN);
        this.variance = keep(arrays, VARIANCE);
        while (arrays.containsKey(average(averages.size()))) {
            averages.add(keep(arrays, average(averages.size())));
        }
        weights.setRequiresGradient(true);
    }

    /**
     * Before the first step.
     *
     * @param averages how many averages are kept
     */
    static TrainState initial(NDManager owned, NdParams layout, float[] weights, int averages) {
        Map<String, float[]> arrays = new LinkedHashMap<>();
        float[] zeros = new float[weights.length];
        names(averages).forEach(name -> arrays.put(name, name.endsWith("moment") ? zeros : weights));
        return new TrainState(owned, layout, 0, arrays);
    }

    /** What a state with so many averages is made of. */
    static List<String> names(int averages) {
        List<String> names = new ArrayList<>(List.of(WEIGHTS, MEAN, VARIANCE));
        for (int i = 0; i < averages; i++) {
            names.add(average(i));
        }
        return names;
    }

    private static String average(int i) {
        return i == 0 ? "average" : "average." + i;
    }

    NdParams layout() {
        return layout;
    }

    /** The number of steps so far. */
    long step() {
        return step;
    }

    PtNDArray weights() {
        return weights;
    }

    /** The average of the first of the configured decays. */
    NDArray average() {
        return averages.get(0);
    }

    /** The weights' average of the {@code i}-th decay on the host, [P]. */
    float[] averaged(int i) {
        return averages.get(i).toFloatArray();
    }

    /** By {@link #names}, on the host, each [P]. */
    Map<String, float[]> arrays() {
        Map<String, float[]> arrays = new LinkedHashMap<>();
        arrays.put(WEIGHTS, weights.toFloatArray());
        arrays.put(MEAN, mean.toFloatArray());
        arrays.put(VARIANCE, variance.toFloatArray());
        for (int i = 0; i < averages.size(); i++) {
            arrays.put(average(i), averaged(i));
        }
        return arrays;
    }

    /**
     * One step of AdamW (Loshchilov and Hutter, 2019, algorithm 2) on the gradient that the last backward passes left, and one of each average.
     *
     * @return the global norm of the gradient, before it is clipped; if it is not finite nothing is changed
     */
    float update(OptimizerConfig config, long steps) {
        PtNDArray gradient = JniUtils.getGradient(weights);
        float norm = JniUtils.norm(gradient, 2, new int[] {0}, false).getFloat();
        if (!Float.isFinite(norm)) {
            return norm;
        }
        natives.run(
                "adamW",
                IValue.from(weights),
                IValue.from(gradient),
                IValue.from(mean),
                IValue.from(variance),
                IValue.from(scalar((float) (step + 1))),
                IValue.from(scalar((float) Math.max(1, norm / config.clipNorm()))),
                IValue.from(config.rate(step, steps)),
                IValue.from(BETA1),
                IValue.from(BETA2),
                IValue.from(config.weightDecay()),
                IValue.from(EPS));
        for (int i = 0; i < averages.size(); i++) {
            natives.lerp(averages.get(i), weights, 1 - config.emaDecay(i, step));
        }
        JniUtils.zeroGrad(weights);
        step++;
        return norm;
    }

    private PtNDArray scalar(float value) {
        return (PtNDArray) manager.create(new float[] {value});
    }

    /** Copies the weights into {@code target} [P], on whatever device it is. */
    void copyWeights(PtNDArray target) {
        natives.run("assign", IValue.from(target), IValue.from(weights));
    }

    private PtNDArray keep(Map<String, float[]> arrays, String name) {
        float[] values = arrays.get(name);
        if (values == null) {
            throw new IllegalArgumentException("a training state needs '" + name + "', got " + arrays.keySet());
        }
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

package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.dinov2.DinoV2Pixels;
import org.maskrt.models.emd3c.Placement;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.trainer.data.BatchOrder;
import org.maskrt.trainer.data.Pair;
import org.maskrt.trainer.data.Scenes;

class EncoderObjectiveTest {
    private static final DinoV2 MODEL = new DinoV2(new DinoV2Config(28, 14, 3, 24, 2, 2, 2, false, 0, false, 0.1));
    private static final Scenes SCENES = new Scenes(48, 5, 200);

    private static EncoderTraining config(int batch, int steps) {
        return new EncoderTraining(
                MODEL.config(),
                steps,
                batch,
                0.1,
                Precision.FP32,
                new OptimizerConfig(2e-3, 10, true, 0, 1, List.of(0.9)));
    }

    /** Against the definition, written out on the host. */
    @Test
    void theLossIsTheDefinition() {
        int n = 5;
        long seed = 11;
        EncoderObjective objective = new EncoderObjective(MODEL, config(n, 1), SCENES, new Streams(seed));
        NdParams layout = new NdParams(WeightCheck.wanted(MODEL));
        float[] weights = layout.flatten((path, shape) -> Initialisation.VIT.of(path, shape, layout.shapes(), seed));
        Map<String, Float> metrics = new HashMap<>();
        float loss;
        try (NDManager manager = Torch.engine().newBaseManager();
                NdOps ops = new NdOps(manager);
                NDScope scope = new NDScope();
                TrainState state = TrainState.initial(manager, layout, weights, 1)) {
            scope.suppressNotUsedWarning();
            loss = objective
                    .prepare(3)
                    .loss(ops, layout.views(state.weights()), Rows.all(n), metrics)
                    .getFloat();
        }

        ReferenceOps ops = new ReferenceOps();
        Map<String, Tensor> named = layout.unflatten(weights);
        Params<Tensor> p = Params.of((path, shape) -> named.get(path));
        BatchOrder order = new BatchOrder(200, n, seed);
        double[][] a = new double[n][];
        double[][] b = new double[n][];
        for (int i = 0; i < n; i++) {
            Pair pair = SCENES.get(order.index(3, i));
            a[i] = token(ops, p, DinoV2Pixels.of(List.of(Placement.object(pair.object(), pair.mask(), 28)), 28, 28));
            b[i] = token(ops, p, DinoV2Pixels.of(List.of(EncoderObjective.inBox(pair)), 28, 28));
        }
        double expected = 0;
        for (int i = 0; i < n; i++) {
            double rows = 0;
            double columns = 0;
            for (int k = 0; k < n; k++) {
                rows += Math.exp(cosine(a[i], b[k]) / 0.1);
                columns += Math.exp(cosine(a[k], b[i]) / 0.1);
            }
            expected -= Math.log(Math.exp(2 * cosine(a[i], b[i]) / 0.1) / rows / columns) / 2 / n;
        }
        assertEquals(expected, loss, 2e-5 * expected);
    }

    private static double[] token(ReferenceOps ops, Params<Tensor> p, Tensor pixels) {
        float[] values = MODEL.forward(ops, p, pixels).classToken().values();
        double[] out = new double[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = values[i];
        }
        return out;
    }

    private static double cosine(double[] a, double[] b) {
        double dot = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < a.length; i++) {
            dot += a[i] * b[i];
            aa += a[i] * a[i];
            bb += b[i] * b[i];
        }
        return dot / Math.sqrt(aa * bb);
    }

    @Test
    void objectsAreToldApart() {
        int steps = 150;
        EncoderObjective objective = new EncoderObjective(MODEL, config(16, steps), SCENES, new Streams(1));
        NdParams layout = new NdParams(WeightCheck.wanted(MODEL));
        float[] weights = layout.flatten((path, shape) -> Initialisation.VIT.of(path, shape, layout.shapes(), 1));
        float right = 0;
        try (TrainState state = TrainState.initial(Torch.engine().newBaseManager(), layout, weights, 1);
                Replicas replicas =
                        new Replicas(Torch.engine(), state, Devices.cpu().of(0), Precision.FP32)) {
            for (int step = 0; step < steps; step++) {
                try (NDScope scope = new NDScope()) {
                    scope.suppressNotUsedWarning();
                    Map<String, Float> metrics = replicas.gradients(objective.prepare(step), 1);
                    state.update(config(16, steps).optimizer(), steps);
                    if (step >= steps - 20) {
                        right += metrics.get("right") / 20;
                    }
                }
            }
        }
        assertTrue(right > 0.4, "found " + right + " of the objects among 16, by chance " + 1 / 16f);
    }
}

package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.ReferenceCase;
import org.maskrt.models.weights.WeightCheck;

/** E-MD3C's joint objective on the recorded case: what it sums, its gradient, and that it trains. */
class Emd3cTrainingTest {
    private static final Path CASE = Path.of("../models/src/test/resources/reference/emd3c");

    private final Engine engine = Torch.engine();
    private final ReferenceCase recorded = ReferenceCase.open(CASE);
    private final Emd3c model = (Emd3c) recorded.model();
    private final NdParams layout = new NdParams(WeightCheck.wanted(model));
    private final NDManager manager = engine.newBaseManager();
    private final NdOps ops = new NdOps(manager);
    private final NDScope scope = new NDScope();

    @BeforeEach
    void openScope() {
        scope.suppressNotUsedWarning();
    }

    @AfterEach
    void close() {
        scope.close();
        ops.close();
        manager.close();
        recorded.close();
    }

    private Paired pairs() {
        List<Tensor> features = model.config().sources().stream()
                .map(source -> recorded.tensor("feature." + source.name()))
                .toList();
        return new Paired(model, recorded.tensor("x"), recorded.tensor("hint"), features);
    }

    private Objective objective(double drop) {
        Paired pairs = pairs();
        return new DenoiserObjective(
                model, DenoiserObjective.Recipe.published(model, drop), new Streams(7), step -> pairs);
    }

    private float loss(Objective objective, float[] weights, Map<String, Float> metrics) {
        return loss(objective, 0, manager.create(weights), metrics).getFloat();
    }

    private NDArray loss(Objective objective, long number, NDArray weights, Map<String, Float> metrics) {
        TrainStep step = objective.prepare(number);
        step.begin();
        return step.loss(ops, layout.views(weights), Rows.all(step.size()), metrics);
    }

    private Map<String, Tensor> gradient(Objective objective, float[] flat) {
        NDArray weights = manager.create(flat);
        weights.setRequiresGradient(true);
        Torch.backward(() -> loss(objective, 0, weights, new HashMap<>()));
        return layout.unflatten(weights.getGradient().toFloatArray());
    }

    private float[] recordedWeights() {
        return layout.flatten(recorded.weights().source());
    }

    @Test
    void theLossIsThatOfTheFullAndOfTheMaskedPass() {
        Map<String, Float> metrics = new HashMap<>();
        float loss = loss(objective(0), recordedWeights(), metrics);
        assertEquals(
                List.of("mse", "vb", "masked_mse", "masked_vb"), objective(0).metrics());
        double sum = metrics.values().stream().mapToDouble(Float::doubleValue).sum();
        assertEquals(sum, loss, 1e-5 * sum);
        assertEquals(4, metrics.size());
    }

    /**
     * A step along the gradient changes the loss as the gradient says: for each parameter of the conditions collector, and for each part of the
     * denoiser, whose gradients are recorded for an MDT.
     */
    @Test
    void theGradientIsTheSlope() {
        Objective objective = objective(0);
        Map<String, Tensor> weights = layout.unflatten(recordedWeights());
        Map<String, Tensor> gradient = gradient(objective, recordedWeights());
        Map<String, List<String>> groups = layout.shapes().keySet().stream()
                .collect(Collectors.groupingBy(
                        path -> path.startsWith("ccnet.") ? path : path.replaceFirst("\\.[^\\d].*|(?<=\\d)\\..*", "")));
        groups.forEach((group, paths) -> {
            double norm = 0;
            for (String path : paths) {
                for (float v : gradient.get(path).values()) {
                    norm += (double) v * v;
                }
            }
            norm = Math.sqrt(norm);
            assertTrue(norm > 0, group + " has no gradient");
            // far enough that rounding of the loss does not count, near enough that its curvature does not
            double reach = Math.min(0.02, 0.01 / norm);
            double slope = 0;
            for (int sign : new int[] {1, -1}) {
                float step = (float) (sign * reach / norm);
                float[] moved = layout.flatten((path, shape) ->
                        paths.contains(path) ? moved(weights.get(path), gradient.get(path), step) : weights.get(path));
                slope += sign * loss(objective, moved, new HashMap<>()) / (2 * reach);
            }
            assertEquals(norm, slope, 0.02 * norm + 5e-5, group);
        });
    }

    private static Tensor moved(Tensor from, Tensor direction, float step) {
        float[] values = from.values().clone();
        for (int i = 0; i < values.length; i++) {
            values[i] += step * direction.values()[i];
        }
        return Tensor.of(values, from.shape());
    }

    @Test
    void aDroppedConditionIsZero() {
        Paired pairs = pairs();
        NDArray all = pairs.condition(ops, layout.views(manager.create(recordedWeights())), new boolean[2]);
        NDArray second =
                pairs.condition(ops, layout.views(manager.create(recordedWeights())), new boolean[] {true, false});
        int width = model.conditionWidth();
        for (int i = 0; i < 2 * width; i++) {
            // plus zero, which has no sign
            assertEquals(i < width ? 0 : all.toFloatArray()[i], second.toFloatArray()[i] + 0f, "value " + i);
        }
        gradient(objective(1), recordedWeights()).forEach((path, g) -> {
            double largest = 0;
            for (float v : g.values()) {
                largest = Math.max(largest, Math.abs(v));
            }
            assertEquals(path.startsWith("ccnet."), largest == 0, path);
        });
    }

    @Test
    void theHintComesBeforeTheNoisyLatent() {
        Tensor sample = NdOps.tensor(pairs().sample(ops, ops.array(recorded.tensor("x"))));
        assertEquals(recorded.sample().shape(), sample.shape());
        for (int i = 0; i < sample.size(); i++) {
            assertEquals(recorded.sample().values()[i], sample.values()[i], "value " + i);
        }
    }

    /** From the initial values, on one batch: every parameter moves, those of the conditions collector too, and the loss falls. */
    @Test
    void trains() {
        float[] start = layout.flatten((path, shape) -> Initialisation.DIFFUSION.of(path, shape, layout.shapes(), 1));
        layout.unflatten(start).forEach((path, tensor) -> {
            if (path.matches("ccnet\\..*norm\\.(weight|bias)")) {
                for (float v : tensor.values()) {
                    assertEquals(path.endsWith("weight") ? 1 : 0, v, path);
                }
            }
        });
        OptimizerConfig optimizer = new OptimizerConfig(0.003, 1, false, 0, 1, List.of(0.9));
        Objective objective = objective(0.1);
        double first = 0;
        double last = 0;
        try (TrainState state = TrainState.initial(engine.newBaseManager(), layout, start, 1)) {
            for (int step = 0; step < 30; step++) {
                try (NDScope each = new NDScope()) {
                    each.suppressNotUsedWarning();
                    float[] value = new float[1];
                    int number = step;
                    Torch.backward(() -> {
                        NDArray loss = loss(objective, number, state.weights(), new HashMap<>());
                        value[0] = loss.getFloat();
                        return loss;
                    });
                    first += step < 10 ? value[0] : 0;
                    last += step >= 20 ? value[0] : 0;
                    state.update(optimizer, 30);
                }
            }
            Map<String, Tensor> before = layout.unflatten(start);
            layout.unflatten(state.arrays().get("weights")).forEach((path, tensor) -> {
                float moved = 0;
                for (int i = 0; i < tensor.size(); i++) {
                    moved += Math.abs(tensor.values()[i] - before.get(path).values()[i]);
                }
                assertTrue(moved > 0, path + " stayed as it was");
            });
        }
        assertTrue(last < 0.8 * first, "the mean loss was " + first / 10 + " at first and " + last / 10 + " at last");
    }

    @Test
    void pairsThatDoNotFitAreRefused() {
        Tensor x = recorded.tensor("x");
        List<Tensor> features = pairs().features();
        assertEquals(
                "pairs for E-MD3C: expected the hint to be [2,4,8,8], got [1,4,8,8]",
                message(x, recorded.tensor("hint").rows(0, 1), features));
        assertEquals(
                "pairs for E-MD3C: expected the features of 4 sources, got those of 3",
                message(x, recorded.tensor("hint"), features.subList(0, 3)));
        List<Tensor> swapped = List.of(features.get(0), features.get(2), features.get(1), features.get(3));
        assertTrue(
                message(x, recorded.tensor("hint"), swapped).contains("expected the features of tbf to be"),
                () -> message(x, recorded.tensor("hint"), swapped));
    }

    private String message(Tensor target, Tensor hint, List<Tensor> features) {
        return assertThrows(IllegalArgumentException.class, () -> new Paired(model, target, hint, features))
                .getMessage();
    }
}

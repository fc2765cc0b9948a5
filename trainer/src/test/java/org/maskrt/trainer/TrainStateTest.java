package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.trainer.data.Batch;

class TrainStateTest {
    private static final OptimizerConfig OPTIMIZER = new OptimizerConfig(0.01, 3, true, 0.1, 1.5, List.of(0.8, 0.5));

    @Test
    void adamWAndAverageAreThePublishedFormulas() {
        Engine engine = Torch.engine();
        int n = 37;
        long steps = 8;
        float[] start = new Streams(1).normal(Streams.Purpose.NOISE, 0, n);
        double[] w = new double[n];
        double[] m = new double[n];
        double[] v = new double[n];
        double[] average = new double[n];
        double[] second = new double[n];
        for (int i = 0; i < n; i++) {
            w[i] = start[i];
            average[i] = start[i];
            second[i] = start[i];
        }
        NdParams layout = new NdParams(Map.of("w", Shape.of(n)));
        try (TrainState state = TrainState.initial(engine.newBaseManager(), layout, start, 2)) {
            for (int step = 0; step < steps; step++) {
                // the gradient of the sum of squares is 2 w
                double norm = 0;
                for (double x : w) {
                    norm += 4 * x * x;
                }
                norm = Math.sqrt(norm);
                double rate = OPTIMIZER.rate(step, steps);
                double decay = Math.min(0.8, (1.0 + step) / (10.0 + step));
                for (int i = 0; i < n; i++) {
                    double g = 2 * w[i] * Math.min(1, 1.5 / norm);
                    m[i] = 0.9 * m[i] + 0.1 * g;
                    v[i] = 0.999 * v[i] + 0.001 * g * g;
                    double mean = m[i] / (1 - Math.pow(0.9, step + 1));
                    double size = Math.sqrt(v[i] / (1 - Math.pow(0.999, step + 1))) + 1e-8;
                    w[i] -= rate * (mean / size + 0.1 * w[i]);
                    average[i] = decay * average[i] + (1 - decay) * w[i];
                    second[i] = Math.min(0.5, decay) * second[i] + (1 - Math.min(0.5, decay)) * w[i];
                }
                try (NDScope scope = new NDScope()) {
                    scope.suppressNotUsedWarning();
                    Torch.backward(() ->
                            layout.views(state.weights()).get("w", n).square().sum());
                    assertEquals(norm, state.update(OPTIMIZER, steps), 1e-4 * norm);
                }
            }
            assertEquals(steps, state.step());
            assertNear(w, state.arrays().get("weights"));
            assertNear(average, state.arrays().get("average"));
            assertNear(second, state.arrays().get("average.1"));
            assertEquals(TrainState.names(2), List.copyOf(state.arrays().keySet()));
        }
    }

    private static void assertNear(double[] expected, float[] actual) {
        float[] wanted = new float[expected.length];
        for (int i = 0; i < wanted.length; i++) {
            wanted[i] = (float) expected[i];
        }
        assertArrayEquals(wanted, actual, 1e-5f);
    }

    @Test
    void learningRateWarmsUpAndFalls() {
        OptimizerConfig constant = new OptimizerConfig(1, 4, false, 0, 1, List.of(0.9999));
        assertEquals(0.25, constant.rate(0, 100), 1e-12);
        assertEquals(1, constant.rate(3, 100), 1e-12);
        assertEquals(1, constant.rate(99, 100), 1e-12);
        OptimizerConfig cosine = new OptimizerConfig(1, 0, true, 0, 1, List.of(0.9999));
        assertEquals(1, cosine.rate(0, 100), 1e-12);
        assertEquals(0.5, cosine.rate(50, 100), 1e-12);
        assertEquals(0.1, cosine.emaDecay(0, 0), 1e-12);
        assertEquals(0.9999, cosine.emaDecay(0, 1_000_000), 1e-12);
    }

    /** A thousand steps of a small model: no array and no byte stays behind. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void memoryIsFlat() throws IOException {
        Engine engine = Torch.engine();
        Mdt model = new Mdt(new MdtConfig(2, 4, 2, 4, 16, 2, 2, 4, 10, 0, 0.3, true));
        NdParams layout = new NdParams(WeightCheck.wanted(model));
        float[] start = layout.flatten((path, shape) -> Initialisation.DIFFUSION.of(path, shape, layout.shapes(), 1));
        float[] latents = new Streams(2).normal(Streams.Purpose.NOISE, 0, 2 * 4 * 16);
        try (NDManager manager = engine.newBaseManager();
                NdOps ops = new NdOps(manager);
                TrainState state = TrainState.initial(engine.newBaseManager(), layout, start, 2)) {
            Objective objective = new DenoiserObjective(
                    model,
                    DenoiserObjective.Recipe.published(model, 0.1),
                    new Streams(3),
                    step -> new Labelled(new Batch(step, latents.clone(), new long[] {1, 2}), 10));
            int arrays = 0;
            long resident = 0;
            for (int step = 0; step < 1000; step++) {
                try (NDScope scope = new NDScope()) {
                    scope.suppressNotUsedWarning();
                    TrainStep prepared = objective.prepare(step);
                    prepared.begin();
                    Torch.backward(
                            () -> prepared.loss(ops, layout.views(state.weights()), Rows.all(2), new HashMap<>()));
                    state.update(OPTIMIZER, 1000);
                }
                if (step == 300) {
                    arrays = manager.getManagedArrays().size();
                    resident = residentBytes();
                }
            }
            assertEquals(arrays, manager.getManagedArrays().size(), "arrays");
            long grown = residentBytes() - resident;
            assertTrue(grown < 64L << 20, "resident memory grew by " + (grown >> 20) + " MiB in 700 steps");
        }
    }

    private static long residentBytes() throws IOException {
        System.gc();
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                .findFirst()
                .orElseThrow();
    }
}

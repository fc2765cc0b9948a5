package org.maskrt.models.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleBiFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.MaskRtException;

class SamplerTest {
    private static final NoiseSchedule LINEAR = NoiseSchedule.linear();

    /**
     * The first step of the published trajectories: both start from the same noise and see the same prediction, which the step of eta 0
     * reveals and the step of eta 0.7 must use.
     */
    @ParameterizedTest
    @ValueSource(strings = {"dit", "mdtv1", "mdtv2"})
    void etaAddsNoiseAsPublished(String family) throws IOException {
        PublishedNumbers still = PublishedNumbers.read("ddim_" + family + "_10_eta0.0");
        PublishedNumbers noisy = PublishedNumbers.read("ddim_" + family + "_10_eta0.7");
        float[] x = still.floats("x_T");
        assertArrayEquals(x, noisy.floats("x_T"));
        StepCoefficients s = new Ddim(0).plan(LINEAR.respace(10)).get(0).coefficients();
        float[] eps = new float[x.length];
        float[] after = still.floats("trajectory");
        for (int i = 0; i < x.length; i++) {
            eps[i] = (float) ((after[i] - s.a() * x[i]) / s.b());
        }
        float[] z = Arrays.copyOf(noisy.floats("step_noise"), x.length);
        float[] next = new float[x.length];
        new Ddim(0.7).plan(LINEAR.respace(10)).get(0).coefficients().apply(x, eps, new float[x.length], z, next);
        float[] expected = Arrays.copyOf(noisy.floats("trajectory"), x.length);
        float largest = 0;
        for (float v : expected) {
            largest = Math.max(largest, Math.abs(v));
        }
        assertArrayEquals(expected, next, 1e-5f * largest, family);
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "2", "10", "ddim25", "250", "1000"})
    void planRunsFromNoiseToImage(String steps) {
        NoiseSchedule schedule = LINEAR.respace(steps);
        for (Sampler sampler : new Sampler[] {new Ddim(0), new Ddim(1), new DpmSolverPlusPlus()}) {
            List<Step> plan = sampler.plan(schedule);
            assertEquals(schedule.steps(), plan.size());
            for (int i = 0; i < plan.size(); i++) {
                Step step = plan.get(i);
                assertEquals(schedule.timestep(schedule.steps() - 1 - i), step.timestep());
                assertTrue(
                        Double.isFinite(
                                step.coefficients().a() + step.coefficients().b()),
                        sampler + ", step " + i);
                assertTrue(
                        Double.isFinite(
                                step.coefficients().c() + step.coefficients().d()),
                        sampler + ", step " + i);
            }
            assertEquals(0, plan.get(0).coefficients().c(), "the first step has nothing to remember");
            assertFalse(plan.get(plan.size() - 1).coefficients().stochastic(), "the last step adds no noise");
        }
    }

    /** A model that knows the image and the noise leads exactly from one to the other, in any number of steps. */
    @ParameterizedTest
    @ValueSource(strings = {"1", "2", "10", "ddim25", "250"})
    void exactForAConstantPrediction(String steps) {
        double x0 = 0.8;
        double noise = -1.3;
        NoiseSchedule schedule = LINEAR.respace(steps);
        for (Sampler sampler : new Sampler[] {new Ddim(0), new DpmSolverPlusPlus()}) {
            List<Step> plan = sampler.plan(schedule);
            double x = level(schedule, schedule.steps() - 1, x0, noise);
            double memory = 0;
            for (int k = 0; k < plan.size(); k++) {
                StepCoefficients c = plan.get(k).coefficients();
                Step.Memory m = plan.get(k).memory();
                double next = c.a() * x + c.b() * noise + c.c() * memory;
                memory = m.x() * x + m.eps() * noise;
                x = next;
                assertEquals(level(schedule, schedule.steps() - 2 - k, x0, noise), x, 1e-11, sampler + ", step " + k);
            }
        }
    }

    private static double level(NoiseSchedule schedule, int i, double x0, double noise) {
        return Math.sqrt(schedule.alphaCumprod(i)) * x0 + Math.sqrt(1 - schedule.alphaCumprod(i)) * noise;
    }

    @Test
    void multistepStartsAndEndsAsDdim() {
        NoiseSchedule schedule = LINEAR.respace(20);
        List<Step> multistep = new DpmSolverPlusPlus().plan(schedule);
        List<Step> ddim = new Ddim(0).plan(schedule);
        for (int k : new int[] {0, 19}) {
            StepCoefficients expected = ddim.get(k).coefficients();
            StepCoefficients actual = multistep.get(k).coefficients();
            assertEquals(expected.a(), actual.a(), 1e-12 * expected.a(), "a, step " + k);
            assertEquals(expected.b(), actual.b(), 1e-12 * Math.abs(expected.b()), "b, step " + k);
            assertEquals(0, actual.c());
            assertEquals(0, actual.d());
        }
    }

    /** Song et al. 2021, after equation 16: eta 1 is ancestral sampling with the posterior's variance. */
    @Test
    void etaOneIsAncestralSampling() {
        NoiseSchedule schedule = LINEAR.respace(50);
        List<Step> ddim = new Ddim(1).plan(schedule);
        List<Ddpm.Step> ddpm = Ddpm.plan(schedule);
        for (int k = 0; k < 50; k++) {
            StepCoefficients c = ddim.get(k).coefficients();
            assertEquals(ddpm.get(k).a(), c.a(), 1e-11, "a, step " + k);
            assertEquals(ddpm.get(k).b(), c.b(), 1e-11, "b, step " + k);
            double deviation = k == 49 ? 0 : Math.exp(ddpm.get(k).minLogVariance() / 2);
            assertEquals(deviation, c.d(), 1e-12, "d, step " + k);
        }
    }

    /**
     * Data from N(0, s^2): the best prediction is eps = sigma x / (alpha^2 s^2 + sigma^2), and the probability flow scales x by
     * sqrt(alpha^2 s^2 + sigma^2). Twice the steps: DDIM halves the error, DPM-Solver++(2M) quarters it.
     */
    @Test
    void ordersOfConvergence() {
        double[] ddim = new double[3];
        double[] multistep = new double[3];
        for (int k = 0; k < 3; k++) {
            NoiseSchedule schedule = NoiseSchedule.linear(4000, 0.25e-4, 0.5e-2).respace(100 << k);
            ddim[k] = gaussianError(new Ddim(0), schedule);
            multistep[k] = gaussianError(new DpmSolverPlusPlus(), schedule);
        }
        String measured = "ddim " + Arrays.toString(ddim) + ", 2M " + Arrays.toString(multistep);
        for (int k = 0; k < 2; k++) {
            assertEquals(2, ddim[k] / ddim[k + 1], 0.15, measured);
            assertEquals(4, multistep[k] / multistep[k + 1], 0.6, measured);
        }
        assertTrue(multistep[2] < ddim[2] / 4, measured);
    }

    /** The relative error when step 0 is reached: the step after that is of first order in both. */
    private static double gaussianError(Sampler sampler, NoiseSchedule schedule) {
        double variance = 0.25;
        ToDoubleBiFunction<NoiseSchedule, Integer> total =
                (s, i) -> s.alphaCumprod(i) * variance + 1 - s.alphaCumprod(i);
        int first = schedule.steps() - 1;
        double x = 1;
        double memory = 0;
        List<Step> plan = sampler.plan(schedule);
        for (int k = 0; k < first; k++) {
            double eps = Math.sqrt(1 - schedule.alphaCumprod(first - k)) * x / total.applyAsDouble(schedule, first - k);
            StepCoefficients c = plan.get(k).coefficients();
            double next = c.a() * x + c.b() * eps + c.c() * memory;
            memory = plan.get(k).memory().x() * x + plan.get(k).memory().eps() * eps;
            x = next;
        }
        double exact = Math.sqrt(total.applyAsDouble(schedule, 0) / total.applyAsDouble(schedule, first));
        return Math.abs(x - exact) / exact;
    }

    @Test
    void memoryOnTheHost() {
        float[] h = {1, 2};
        new Step.Memory(2, -1).apply(h, new float[] {10, 20}, h);
        assertArrayEquals(new float[] {-8, -16}, h);
        assertEquals(
                "a memory needs sample, eps and h of one length, got 1, 2, 1",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> Step.Memory.EPS.apply(new float[1], new float[2], new float[1]))
                        .getMessage());
    }

    @Test
    void stepOnTheHost() {
        float[] x = {1, 2};
        new StepCoefficients(2, 3, 5, 7)
                .apply(x, new float[] {10, 20}, new float[] {100, 200}, new float[] {1000, 2000}, x);
        assertArrayEquals(new float[] {7532, 15064}, x);
        assertEquals(
                "a step needs x, eps, memory, noise and next of one length, got 2, 1, 2, 2, 2",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> new StepCoefficients(1, 1, 1, 1)
                                        .apply(x, new float[1], new float[2], new float[2], new float[2]))
                        .getMessage());
    }

    @ParameterizedTest
    @CsvSource({"-0.1", "1.5", "NaN"})
    void refusesEta(double eta) {
        assertEquals(
                "ddim: eta must be from 0 to 1, got " + eta + "; use 0 for the deterministic sampler",
                assertThrows(MaskRtException.class, () -> new Ddim(eta)).getMessage());
    }

    @Test
    void ancestralStepTakesTheLearnedVariance() {
        Ddpm.Step step = new Ddpm.Step(7, 0.5, 2, Math.log(0.01), Math.log(0.04));
        float[] next = new float[4];
        // Two images of one channel and two pixels: the output is [eps eps v v] for each.
        step.apply(
                new float[] {1, 2, 3, 4},
                new float[] {10, 20, -1, 1, 30, 40, 0, 3},
                new float[] {1, 1, 1, -1},
                next,
                2);
        assertArrayEquals(
                new float[] {20.5f + 0.1f, 41f + 0.2f, 61.5f + (float) Math.sqrt(0.02), 82f - 0.4f}, next, 1e-5f);
    }

    @Test
    void lastAncestralStepAddsNoNoise() {
        Ddpm.Step last = Ddpm.plan(LINEAR.respace(10)).get(9);
        assertFalse(last.stochastic());
        float[] next = new float[1];
        last.apply(new float[] {1}, new float[] {0, 5}, new float[] {Float.NaN}, next, 1);
        assertEquals((float) last.a(), next[0]);
        assertTrue(Ddpm.plan(LINEAR.respace(10)).get(8).stochastic());
        assertFalse(Ddpm.plan(LINEAR.respace(1)).get(0).stochastic());
    }

    @Test
    void ancestralStepRefusesLengths() {
        Ddpm.Step step = Ddpm.plan(LINEAR.respace(10)).get(0);
        assertEquals(
                "a step needs x, noise and next of one length and an output of twice that for 2 images, got 4, 4, 4 and 4",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> step.apply(new float[4], new float[4], new float[4], new float[4], 2))
                        .getMessage());
    }
}

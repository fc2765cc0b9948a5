package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDScope;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.maskdit.MaskDitConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.trainer.DenoiserObjective.Recipe;
import org.maskrt.trainer.MaskSchedule.Unmasking;
import org.maskrt.trainer.data.Batch;

/** A batch computed in parts, or on several devices, is the batch computed at once. */
class ReplicasTest {
    private static final int BATCH = 5;
    private static final int STEPS = 3;
    private static final float TOLERANCE = 1e-5f;
    private static final OptimizerConfig OPTIMIZER = new OptimizerConfig(1e-3, 0, false, 0.01, 1, List.of(0.9));
    private static final Streams STREAMS = new Streams(11);

    /** What came of a few steps. */
    private record Outcome(float[] gradient, float[] weights, Map<String, Float> metrics) {}

    /** A model with an objective, which is made anew for each run. */
    private record Trained(NdParams layout, Supplier<Objective> objective) {}

    private static Batch latents(long step) {
        return new Batch(
                step, new Streams(step).normal(Streams.Purpose.NOISE, 0, BATCH * 4 * 16), new long[] {1, 2, 3, 4, 5});
    }

    private static Trained mdt(Timesteps timesteps) {
        Mdt model = new Mdt(new MdtConfig(2, 4, 2, 4, 16, 2, 2, 4, 10, 0, 0.3, true));
        Recipe recipe = new Recipe(0.3, MaskSchedule.fixed(0.3, 0.2), 0.5, timesteps);
        return trained(
                model, () -> new DenoiserObjective(model, recipe, STREAMS, step -> new Labelled(latents(step), 10)));
    }

    private static Trained maskDit() {
        MaskDit model = new MaskDit(new MaskDitConfig(4, 2, 4, 16, 2, 2, 4, 10, 16, 1, 2, 1));
        MaskDitTraining training = new MaskDitTraining(0.5, 0, 0.1, Unmasking.NONE, 0, 0);
        return trained(model, () -> new EdmObjective(model, training, 0.1, STREAMS, ReplicasTest::latents));
    }

    private static Trained trained(Denoiser model, Supplier<Objective> objective) {
        return new Trained(new NdParams(WeightCheck.wanted(model)), objective);
    }

    private static Trained autoencoder() {
        AutoencoderKl model = new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(8, 8), 1, 4, 1, 8));
        AutoencoderTraining training =
                new AutoencoderTraining(model.config(), 1, BATCH, 1, 1, 1e-4, Precision.FP32, OPTIMIZER);
        return new Trained(
                new NdParams(WeightCheck.wanted(model)),
                () -> new AutoencoderObjective(
                        model,
                        training,
                        STREAMS,
                        step -> new Batch(
                                step,
                                new Streams(step).normal(Streams.Purpose.NOISE, 0, BATCH * 3 * 64),
                                new long[BATCH])));
    }

    static Stream<Arguments> cases() {
        return Stream.of(
                        Map.entry("MDT", mdt(Timesteps.UNIFORM)),
                        Map.entry("MDT, loss-aware", mdt(Timesteps.LOSS_AWARE)),
                        Map.entry("MaskDiT", maskDit()),
                        Map.entry("autoencoder", autoencoder()))
                .flatMap(e -> Stream.of(
                        Arguments.of(e.getKey(), e.getValue(), "cpu", 2),
                        Arguments.of(e.getKey(), e.getValue(), "cpu", BATCH),
                        Arguments.of(e.getKey(), e.getValue(), "cpu,cpu", 1),
                        Arguments.of(e.getKey(), e.getValue(), "cpu,cpu", 2)));
    }

    private static Outcome train(Trained trained, String devices, int accumulate) {
        Engine engine = Torch.engine();
        NdParams layout = trained.layout();
        // not the published initial values: their zeros would hide most of the gradient
        float[] start = new Streams(4).normal(Streams.Purpose.NOISE, 1, layout.size());
        for (int i = 0; i < start.length; i++) {
            start[i] *= 0.1f;
        }
        Objective objective = trained.objective().get();
        float[] gradient = {};
        Map<String, Float> metrics = Map.of();
        try (TrainState state = TrainState.initial(engine.newBaseManager(), layout, start, 1);
                Replicas replicas =
                        new Replicas(engine, state, Devices.parse(devices).of(engine.getGpuCount()), Precision.FP32)) {
            for (int step = 0; step < STEPS; step++) {
                try (NDScope scope = new NDScope()) {
                    scope.suppressNotUsedWarning();
                    TrainStep prepared = objective.prepare(step);
                    prepared.begin();
                    metrics = replicas.gradients(prepared, accumulate);
                    prepared.end();
                    gradient = state.weights().getGradient().toFloatArray();
                    state.update(OPTIMIZER, STEPS);
                    replicas.share();
                }
            }
            return new Outcome(gradient, state.weights().toFloatArray(), metrics);
        }
    }

    @ParameterizedTest(name = "{0} on {2}, accumulate {3}")
    @MethodSource("cases")
    void partsAreTheWhole(String name, Trained trained, String devices, int accumulate) {
        Outcome whole = train(trained, "cpu", 1);
        Outcome parts = train(trained, devices, accumulate);
        float largest = 0;
        for (float g : whole.gradient) {
            largest = Math.max(largest, Math.abs(g));
        }
        assertArrayEquals(whole.gradient, parts.gradient, TOLERANCE * Math.max(1, largest), name + ": gradient");
        assertArrayEquals(whole.weights, parts.weights, TOLERANCE, name + ": weights");
        assertEquals(whole.metrics.keySet(), parts.metrics.keySet());
        whole.metrics.forEach((metric, value) -> assertEquals(
                value, parts.metrics.get(metric), TOLERANCE * Math.max(1, Math.abs(value)), name + ": " + metric));
    }

    @Test
    @Tag("gpu")
    void aGpuGivesTheLossesOfTheProcessor() {
        Outcome cpu = train(mdt(Timesteps.UNIFORM), "cpu", 1);
        Outcome gpu = train(mdt(Timesteps.UNIFORM), "cuda:0", 1);
        cpu.metrics.forEach((metric, value) ->
                assertEquals(value, gpu.metrics.get(metric), 1e-3f * Math.max(1, Math.abs(value)), metric));
        assertArrayEquals(cpu.weights, gpu.weights, 1e-3f, "weights");
    }

    @Test
    void devicesThatAreNotThereAreRefused() {
        for (String wrong : List.of("gpu", "cuda", "", "cpu,", "cuda:0,cuda:0")) {
            MaskRtException e = assertThrows(MaskRtException.class, () -> Devices.parse(wrong), wrong);
            assertEquals(ExitCode.USAGE, e.code());
        }
        assertEquals(
                "--devices: expected cpu, cpu,cpu, cuda:0 or cuda:0,cuda:1 and so on, received cuda:0,cuda:0 with cuda:0"
                        + " twice; name each device once",
                assertThrows(MaskRtException.class, () -> Devices.parse("cuda:0,cuda:0"))
                        .getMessage());
        MaskRtException e = assertThrows(
                MaskRtException.class, () -> Devices.parse("cpu,cuda:1").of(1));
        assertEquals(ExitCode.ENVIRONMENT, e.code());
        assertEquals(
                "--devices: expected a GPU for cuda:1, PyTorch sees 1; build with -Pgpu-train on a machine with an NVIDIA driver"
                        + " and libcudart, or train on cpu",
                e.getMessage());
    }
}

package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.HeunSampler;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.reference.ReferenceCase;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;

class EdmSamplerTest {
    private static final Path CASE = Path.of("../models/src/test/resources/reference/maskdit");
    private static final AutoencoderKl VAE =
            new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(4, 4), 1, 2, 0.5, 16));

    @TempDir
    Path folder;

    private static final SamplingLoop.Watch SILENT = new SamplingLoop.Watch() {
        @Override
        public void conditioned(int steps) {}

        @Override
        public void stepped(int i, float[] sample) {}
    };

    @ParameterizedTest
    @CsvSource({"sampler.out_18_none, 1, 0, 35", "sampler.out_18_w1.5, 1.5, 0, 70", "sampler.out_18_w1.5, 1.5, 1e-9, 70"
    })
    void wholeRunsAreAsPublished(String name, double weight, double reuse, int runs) {
        try (ReferenceCase c = ReferenceCase.open(CASE)) {
            MaskDit model = (MaskDit) c.model();
            ReferenceBackend backend = new ReferenceBackend(
                    model, VAE, GuidedChannels.ALL, Params.of(c.weights().source()));
            Graphs graphs = new Graphs(backend, folder);
            EdmSampler sampler = new EdmSampler(
                    model, HeunSampler.of(18), new EdmSampler.Guided(weight, reuse), graphs, new TensorPool(backend));
            Tensor start = c.tensor("sampler.latents");
            List<Integer> labels = Arrays.stream(c.oneHot("labels_onehot").indices())
                    .limit(start.dim(0))
                    .mapToObj(Math::toIntExact)
                    .toList();
            int rows = sampler.rows(labels.size(), 8);
            assertEquals(start.dim(0), rows);
            float[] found = sampler.sample(
                    Batch.classes(model, labels, null).rows(0, rows, rows),
                    NoiseSource.given(start.values(), new float[0]),
                    SILENT);
            Parity parity = Parity.of(name, c.tensor(name), Tensor.of(found, start.shape()), Parity.ACCUMULATED);
            assertTrue(parity.passed(), parity::toString);
            assertEquals(runs, backend.runs("denoiser"));
        }
    }

    @Test
    void onlyItsOwnSamplerFits() {
        try (ReferenceCase c = ReferenceCase.open(CASE);
                DiffusionPipeline pipeline = new DiffusionPipeline(
                        folder,
                        new DiffusionPipeline.Model(
                                c.model(),
                                VAE.config(),
                                NoiseSchedule.linear(),
                                Collections.emptySortedMap(),
                                List.of()),
                        new ReferenceBackend(
                                c.model(),
                                VAE,
                                GuidedChannels.ALL,
                                Params.of((path, shape) -> ReferenceBackend.weight(path, shape, 1))),
                        8)) {
            GenerationRequest request = GenerationRequest.of(List.of(1, 2));
            assertUsage(
                    folder + ": the sampler ddim does not fit a MaskDit; use --sampler heun",
                    () -> pipeline.generate(request));
            GenerationRequest heun = request.with(Sampling.heun(3));
            assertUsage(
                    "the sampler heun has noise levels, not timesteps, and its guidance is constant; use --guidance"
                            + " constant",
                    () -> pipeline.generate(heun.with(new Guidance.PowerCosine(3, 1, 1000))));
            assertUsage(
                    "the sampler heun takes a number of steps, got 'ddim25'",
                    () -> pipeline.generate(request.with(new Sampling("ddim25", Sampling.Method.HEUN, 0))));
            assertEquals(2, pipeline.generate(heun).images().size());
        }
    }

    private static void assertUsage(String message, org.junit.jupiter.api.function.Executable action) {
        MaskRtException e = assertThrows(MaskRtException.class, action);
        assertEquals(message, e.getMessage());
        assertEquals(ExitCode.USAGE, e.code());
    }
}

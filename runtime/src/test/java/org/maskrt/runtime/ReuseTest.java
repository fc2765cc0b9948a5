package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;

/** Steps that take the direction of guidance from earlier ones. */
class ReuseTest {
    private static final Denoiser DIT = new Dit(new DitConfig(4, 2, 4, 16, 1, 2, 4, 10, true));
    private static final AutoencoderKl VAE =
            new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(4, 4), 1, 2, 0.5, 8));
    private static final GuidanceOptions GUIDANCE =
            new GuidanceOptions(new Guidance.Linear(3, 1000), GuidedChannels.ALL, 0);
    private static final double NEARLY_NOTHING = 1e-12;
    private static final double EVERYTHING = 1e9;
    private static final double SOME = 5;

    @TempDir
    Path folder;

    private final ReferenceBackend backend = new ReferenceBackend(DIT, VAE, GuidedChannels.ALL, 1);

    @BeforeEach
    void export() throws IOException {
        Path report = folder.resolve("onnx/guided_step/export.json");
        Files.createDirectories(report.getParent());
        Files.writeString(report, "{\"guided_channels\": \"all\"}");
    }

    private DiffusionPipeline pipeline(int maxBatch) {
        return new DiffusionPipeline(
                folder,
                new DiffusionPipeline.Model(
                        DIT, VAE.config(), NoiseSchedule.linear(), Collections.emptySortedMap(), List.of()),
                backend,
                maxBatch);
    }

    private static GenerationRequest request(Sampling sampling, double reuse) {
        return GenerationRequest.of(List.of(1, 2, 3, 9, 1))
                .with(sampling)
                .with(GUIDANCE.withReuse(reuse))
                .with(Seeds.perImage(4))
                .withLatents();
    }

    private static float[] latents(GenerationResult result) {
        return result.latents().values();
    }

    static List<Sampling> samplings() {
        return List.of(Sampling.ddim("8"), Sampling.ddim("8", 0.7), Sampling.dpmSolver("8"), Sampling.ddpm("8"));
    }

    @ParameterizedTest
    @MethodSource("samplings")
    void aSmallToleranceChangesNothing(Sampling sampling) {
        try (DiffusionPipeline pipeline = pipeline(8)) {
            GenerationResult plain = pipeline.generate(request(sampling, 0));
            GenerationResult reused = pipeline.generate(request(sampling, NEARLY_NOTHING));
            Parity parity = Parity.of("latents", plain.latents(), reused.latents(), 1e-5);
            assertTrue(parity.passed(), parity::toString);
            assertEquals(2 * 8 * 5, plain.timings().passes());
            assertEquals(2 * 8 * 5, reused.timings().passes());
            assertEquals(0, reused.provenance().fusedSteps());
        }
    }

    @ParameterizedTest
    @MethodSource("samplings")
    void picturesDoNotDependOnTheBatch(Sampling sampling) {
        try (DiffusionPipeline whole = pipeline(8);
                DiffusionPipeline pairs = pipeline(2);
                DiffusionPipeline alone = pipeline(1)) {
            GenerationResult expected = whole.generate(request(sampling, SOME));
            long passes = expected.timings().passes();
            assertTrue(passes > 9 * 5 && passes < 2 * 8 * 5, "some steps run both halves: " + passes + " passes");
            assertArrayEquals(latents(expected), latents(pairs.generate(request(sampling, SOME))), 1e-5f);
            GenerationResult single = alone.generate(request(sampling, SOME));
            assertArrayEquals(latents(expected), latents(single), 1e-5f);
            assertEquals(passes, single.timings().passes());
        }
    }

    @Test
    void theFirstStepIsEnough() {
        try (DiffusionPipeline pipeline = pipeline(8)) {
            GenerationResult result = pipeline.generate(request(Sampling.ddim("8"), EVERYTHING));
            assertEquals(9 * 5, result.timings().passes());
            assertEquals(9, backend.runs("denoiser"));
            assertEquals(0, backend.runs("guided_step"));
        }
    }

    @Test
    void objectsToo() {
        CustomizationRequest request = CustomizeTest.request(List.of(CustomizeTest.pair(5), CustomizeTest.pair(8)))
                .with(Sampling.ddim("6"))
                .with(GUIDANCE.withReuse(2));
        try (DiffusionPipeline together = CustomizeTest.pipeline(folder, 4, CustomizeTest.ENCODER);
                DiffusionPipeline alone = CustomizeTest.pipeline(folder, 1, CustomizeTest.ENCODER)) {
            CustomizationResult expected = together.customize(request);
            CustomizationResult single = alone.customize(request);
            long passes = expected.timings().passes();
            assertTrue(passes > 7 * 2 && passes < 2 * 6 * 2, passes + " passes");
            assertEquals(passes, single.timings().passes());
            for (int i = 0; i < 2; i++) {
                assertArrayEquals(
                        expected.images().get(i).pixels(),
                        single.images().get(i).pixels(),
                        "object " + i);
            }
        }
    }

    @Test
    void aToleranceBelowZeroIsAUsageError() {
        MaskRtException e = assertThrows(MaskRtException.class, () -> GUIDANCE.withReuse(-1));
        assertEquals(ExitCode.USAGE, e.code());
        assertTrue(e.getMessage().startsWith("reuse: expected a tolerance of 0 or more, got -1.0"), e.getMessage());
    }
}

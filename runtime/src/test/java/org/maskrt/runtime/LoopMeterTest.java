package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.runtime.device.CpuDevice;

class LoopMeterTest {
    private static final Denoiser DIT = new Dit(new DitConfig(4, 2, 4, 16, 1, 2, 4, 10, true));
    private static final AutoencoderKl VAE =
            new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(4, 4), 1, 2, 0.5, 8));
    private static final int STEPS = 5;

    @TempDir
    Path folder;

    private final CpuDevice device = new CpuDevice(1L << 26);

    private LoopMeter meter(GuidedChannels exported, PipelineOptions options) throws IOException {
        Path report = folder.resolve("onnx-tensorrt/guided_step/export.json");
        Files.createDirectories(report.getParent());
        Files.writeString(report, "{\"guided_channels\": \"" + exported.label() + "\"}");
        ReferenceEngines engines = new ReferenceEngines(device, new ReferenceBackend(DIT, VAE, exported, 1), DIT, 4);
        DeviceBackend backend = new DeviceBackend("double", device, engines, 1);
        try {
            return new LoopMeter(
                    folder,
                    new DiffusionPipeline.Model(
                            DIT, VAE.config(), NoiseSchedule.linear(), Collections.emptySortedMap(), List.of()),
                    backend,
                    options,
                    STEPS);
        } catch (RuntimeException e) {
            backend.close();
            throw e;
        }
    }

    @Test
    void generationsAndSingleStepsAreThoseOfTheCapturedLoop() throws IOException {
        try (LoopMeter meter = meter(GuidedChannels.REFERENCE, PipelineOptions.DEFAULT)) {
            assertEquals(0, meter.idle().cuda());
            LoopMeter.Generation generation = meter.generation(3);
            assertTrue(generation.denoiseMillis() > 0);
            assertNotNull(generation.decodeMillis());
            assertEquals(STEPS, device.count("launch"));
            int before = device.journal().size();
            assertEquals(STEPS, meter.steps(3).size());
            List<String> timed =
                    device.journal().subList(before, device.journal().size());
            assertEquals(STEPS, timed.stream().filter("launch"::equals).count());
            assertEquals(0, timed.stream().filter("capture"::equals).count());
            int first = timed.indexOf("launch");
            assertEquals(
                    Collections.nCopies(STEPS, "launch"),
                    timed.subList(first, first + STEPS),
                    "each is given before the one before has run");
            assertTrue(timed.subList(first, timed.size()).stream().noneMatch(e -> e.endsWith("load")), timed::toString);
            assertEquals(device.peak(), meter.peak().cuda());
            assertEquals(List.of(), meter.memoryChoices());
            MaskRtException e = assertThrows(MaskRtException.class, () -> meter.generation(5));
            assertEquals(ExitCode.USAGE, e.code());
            assertEquals(
                    folder + ": expected engines for a batch of 5, received some for 3; build them with `maskrt build"
                            + " --batch MIN:OPT:MAX`",
                    e.getMessage());
        }
        assertEquals(0, device.open());
    }

    @Test
    void aBudgetIsKeptTo() throws IOException {
        long budget = MemoryPlanner.OVERHEAD + 1_200_000;
        try (LoopMeter meter = meter(
                GuidedChannels.REFERENCE,
                PipelineOptions.DEFAULT.withMaxBatch(1).withMemoryBudget(budget))) {
            meter.generation(1);
            meter.generation(1);
            assertEquals(2 * STEPS, device.count("launch"));
            assertTrue(
                    meter.memoryChoices().get(4).startsWith("engines: one at a time"), meter.memoryChoices()::toString);
        }
        assertEquals(0, device.open());
    }

    @Test
    void stepsOfOtherChannelsAreRefused() {
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> meter(GuidedChannels.ALL, PipelineOptions.DEFAULT));
        assertEquals(ExitCode.USAGE, e.code());
        assertEquals(
                folder
                        + ": expected a DiT, an MDT or an E-MD3C whose guided_step guides the channels that its authors do,"
                        + " received a Dit; export again without --guided-channels",
                e.getMessage());
    }
}

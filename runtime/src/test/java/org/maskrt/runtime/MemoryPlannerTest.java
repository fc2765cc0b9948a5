package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.Presets;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.runtime.MemoryPlan.Bias;
import org.maskrt.runtime.MemoryPlanner.Needs;
import org.maskrt.runtime.MemoryPlanner.Part;
import org.maskrt.runtime.MemoryPlanner.Use;
import org.maskrt.runtime.device.CpuDevice;

/**
 * MDT-XL/2 at 256 pixels and E-MD3C at 512, with weights of 16 bits (32 for the autoencoder) counted by {@link CostOps}. The bias of a layer is
 * heads N^2 values of 16 bits. A row of activations is taken for 2 N D 16 bytes (residual fp32, its norm, the MLP's 4 D in 16 bits, two halves), and
 * those of a decoded picture for four times its widest layer.
 */
class MemoryPlannerTest {
    private static final long MB = 1_000_000;
    private static final Set<Bias> BOTH = Set.of(Bias.CONSTANT, Bias.GATHER);

    private static final Needs XL = xl(BOTH, 8);
    private static final Map<String, Needs> NEEDS = Map.of("xl", XL, "xl1", xl(BOTH, 1), "emd3c", emd3c());

    private static long body(Denoiser model) {
        CostOps ops = new CostOps();
        model.denoise(ops, ops.params(), ops.input(model.sampleDims(1)), ops.input(1, model.modulationSize()));
        return ops.total().parameters();
    }

    private static long conditioner(Denoiser model) {
        CostOps ops = new CostOps();
        model.conditioner(ops, ops.params(), ops.input(1), ops.input(model.conditionDims(1)));
        return ops.total().parameters();
    }

    private static long decoder() {
        CostOps ops = new CostOps();
        new AutoencoderKl(AutoencoderKlConfig.sdVae()).decode(ops, ops.params(), ops.input(1, 4, 32, 32));
        return ops.total().parameters();
    }

    private static long encoder() {
        CostOps ops = new CostOps();
        new AutoencoderKl(AutoencoderKlConfig.sdVae()).encode(ops, ops.params(), ops.input(1, 3, 256, 256));
        return ops.total().parameters();
    }

    private static Needs xl(Set<Bias> forms, int batch) {
        Denoiser model = Presets.of("MDT-XL/2", 32);
        assertEquals(447_275_424, body(model));
        assertEquals(228_580_992, conditioner(model));
        long bias = 28L * 16 * 256 * 256 * 2;
        long row = 2L * 256 * 1152 * 16;
        long picture = 4L * 128 * 256 * 256 * 4;
        return new Needs(
                model,
                List.of(
                        new Part("guided_step", Use.STEP, 2 * body(model), bias, 28, row, 8),
                        new Part("half_step", Use.HALF_STEP, 2 * body(model), bias, 28, row / 2, 8),
                        new Part("conditioner", Use.CONDITIONER, 2 * conditioner(model), 0, 0, 1 << 20, 1),
                        new Part("vae_decoder", Use.PICTURES, 4 * decoder(), 0, 0, picture, 2)),
                forms,
                batch,
                50);
    }

    private static Needs emd3c() {
        Emd3c model = (Emd3c) Presets.of("emd3c-512", 64);
        assertEquals(305_900_064, body(model));
        assertEquals(154_554_368, conditioner(model));
        CostOps ccnet = new CostOps();
        model.collect(ccnet, ccnet.params(), model.config().featureShapes(1));
        long bias = 24L * 16 * 1024 * 1024 * 2;
        long row = 2L * 1024 * 1024 * 16;
        long picture = 4L * 128 * 512 * 512 * 4;
        return new Needs(
                model,
                List.of(
                        new Part("guided_step", Use.STEP, 2 * body(model), bias, 24, row, 8),
                        new Part("conditioner", Use.CONDITIONER, 2 * conditioner(model), 0, 0, 1 << 20, 1),
                        new Part("vae_decoder", Use.PICTURES, 4 * decoder(), 0, 0, picture, 1),
                        new Part("vae_encoder", Use.PICTURES, 4 * encoder(), 0, 0, picture / 2, 1),
                        new Part("ccnet", Use.PICTURES, 2 * ccnet.total().parameters(), 0, 0, 1 << 20, 1),
                        // DINOv2 ViT-B and ViT-g
                        new Part("image_encoder", Use.PICTURES, 2 * 86_580_480L, 0, 0, 1 << 24, 1),
                        new Part("image_encoder_2", Use.PICTURES, 2 * 1_136_480_768L, 0, 0, 1 << 25, 1)),
                BOTH,
                4,
                50);
    }

    /** What was worked out beside the code, from the same sizes. */
    @ParameterizedTest
    @CsvSource({
        // model, budget in MB, batch, steps at once, bias, half_step, on demand, bytes
        "xl,    8000, 8, 50, CONSTANT, true,  '',                      3726713052",
        "xl,    3500, 8, 13, CONSTANT, true,  '',                      3460990428",
        "xl,    3000, 8, 50, CONSTANT, false, '',                      2773441948",
        "xl,    2600, 8, 25, CONSTANT, false, '',                      2593899676",
        "xl,    2400, 8, 4,  GATHER,   false, '',                      2384363932",
        "xl,    2200, 8, 4,  GATHER,   false, conditioner vae_decoder, 2186403136",
        "xl,    2150, 8, 50, GATHER,   false, conditioner guided_step half_step vae_decoder, 1868758080",
        "xl,    1700, 8, 25, GATHER,   false, conditioner guided_step half_step vae_decoder, 1689215808",
        "xl,    1600, 4, 25, GATHER,   false, conditioner guided_step half_step vae_decoder, 1571160384",
        "xl1,   2400, 1, 50, CONSTANT, false, '',                      2358724764",
        "xl1,   2200, 1, 50, CONSTANT, false, conditioner vae_decoder, 2160763968",
        "xl1,   2050, 1, 13, GATHER,   false, conditioner vae_decoder, 2043466560",
        "xl1,   1600, 1, 50, GATHER,   false, conditioner guided_step half_step vae_decoder, 1522198336",
        "xl1,   1480, 1, 13, GATHER,   false, conditioner guided_step half_step vae_decoder, 1463621184",
        "emd3c, 6000, 4, 50, CONSTANT, false, '',                      5755475946",
        "emd3c, 5000, 4, 50, GATHER,   false, '',                      4950169578",
        "emd3c, 4800, 4, 2,  GATHER,   false, '',                      4794053610",
        "emd3c, 4600, 4, 50, GATHER,   false, ccnet image_encoder image_encoder_2 vae_decoder vae_encoder, 4431828032",
        "emd3c, 4000, 4, 7,  GATHER,   false,"
                + " ccnet conditioner image_encoder image_encoder_2 vae_decoder vae_encoder, 3982865472",
    })
    void theQuickestWayThatFitsIsTaken(
            String model, long budget, int batch, int steps, Bias bias, boolean halves, String onDemand, long bytes) {
        Needs needs = NEEDS.get(model);
        MemoryPlan plan = MemoryPlanner.plan(needs, budget * MB);
        assertEquals(batch, plan.batch());
        assertEquals(bias, plan.bias());
        assertEquals(halves, plan.halves());
        assertEquals(onDemand, plan.onDemand().stream().sorted().collect(Collectors.joining(" ")));
        assertEquals(bytes, plan.bytes());
        assertTrue(plan.bytes() <= budget * MB);
        String modulations = plan.reasons().stream()
                .filter(line -> line.startsWith("modulations: "))
                .findFirst()
                .orElseThrow();
        assertTrue(
                modulations.startsWith(
                        steps == 50
                                ? "modulations: of all 50 steps at once"
                                : "modulations: of " + steps + " of 50 steps at once, which saves "),
                modulations);
        // what is left goes to the tables
        assertEquals(DeviceSteps.bytes(needs.model(), batch, steps) + budget * MB - bytes, plan.tableBytes());
    }

    /** The sum behind the first row and that of one of its tables. */
    @Test
    void theTableIsWorkedOutByHand() {
        long tables = 0;
        tables += 50L * 9 * 195_840
                * 4; // modulation: 50 steps, 8 pictures and the null condition, K = 28 * 6 * 1152 + 2 * 1152
        tables += (8 + 8 * 50) * 4L * 32 * 32 * 4; // noise: the samples before, then that of each step
        tables += 4 * 8 * 4L * 32 * 32 * 4; // sample, eps, and both that come next
        tables += 50L * 9 * 4 + 248; // guidance, to a multiple of 256
        tables += 50L * 9 * 4 * 4 + 224; // coefficients
        tables += 4 * (8L * 3 * 8 + 64); // rows, those that come next, what is added to either
        tables += 50L * 8 * 3 * 8; // where segments of steps start
        tables += 50L * 4 + 56; // timesteps
        tables += 9 * 8 + 184; // class labels
        assertEquals(359_741_696, tables + 128);
        assertEquals(359_741_696, DeviceSteps.bytes(Presets.of("MDT-XL/2", 32), 8, 50));
        long weights = 2 * (2 * 447_275_424L + 28 * 2_097_152L) + 2 * 228_580_992L + 4 * 49_490_199L;
        long arena = 2 * 134_217_728L;
        assertEquals(3_726_713_052L, MemoryPlanner.OVERHEAD + weights + arena + 359_741_696);
    }

    /** One picture at a time in 1.6 GB, with everything at its quickest but the engines' place: each leaves for the next. */
    @Test
    void xlInSixteenBitsFitsIntoSixteenHundredMegabytes() {
        long tables = 50L * 2 * 195_840 * 4; // modulation
        tables += (4 + 1 + 50)
                * 4L
                * 32
                * 32
                * 4; // sample, eps, both that come next; the sample before; noise of 50 steps
        tables += 4 * 256; // rows, those that come next, what is added to either
        tables += 1280 + 512 + 1792 + 256 + 256; // starts, guidance, coefficients, timesteps, class labels
        assertEquals(tables, DeviceSteps.bytes(Presets.of("MDT-XL/2", 32), 1, 50));
        long stepping = 2 * 447_275_424L + 28 * 2_097_152L + 9_437_184 + tables;
        long conditioning = 2 * 228_580_992L + (1 << 20) + tables;
        long decoding = 4 * 49_490_199L + 134_217_728L + tables;
        assertTrue(stepping > conditioning && conditioning > decoding);
        MemoryPlan plan = MemoryPlanner.plan(xl(Set.of(Bias.CONSTANT), 1), 1600 * MB);
        assertEquals(MemoryPlanner.OVERHEAD + stepping, plan.bytes());
        assertEquals(1_578_821_440L, plan.bytes());
        assertEquals(Set.of("conditioner", "guided_step", "half_step", "vae_decoder"), plan.onDemand());
    }

    @Test
    void everyChoiceSaysWhy() {
        assertEquals(
                List.of(
                        "memory: 2.04 GB of 2.05 GB, with 0.54 GB for CUDA itself",
                        "batch: 1, as asked",
                        "modulations: of 13 of 50 steps at once, which saves 0.06 GB and costs about 1 ms",
                        "attention bias: gathered in each step, which saves 0.06 GB and costs about 1 ms",
                        "steps without guidance: on both halves, half_step is not loaded, which saves 0.89 GB and costs"
                                + " about 4 ms",
                        "engines: those of conditioner, vae_decoder only while they run, which saves 0.20 GB and costs"
                                + " about 131 ms"),
                MemoryPlanner.plan(xl(BOTH, 1), 2050 * MB).reasons());
        assertEquals(
                List.of(
                        "memory: 1.87 GB of 2.15 GB, with 0.54 GB for CUDA itself",
                        "batch: 8, as asked",
                        "modulations: of all 50 steps at once",
                        "attention bias: gathered in each step, which saves 0.06 GB and costs about 0 ms",
                        "steps without guidance: on both halves, half_step is not loaded, which saves 0.00 GB and costs"
                                + " about 4 ms",
                        "engines: one at a time, each only while it runs, which saves 0.85 GB and costs about 310 ms"),
                MemoryPlanner.plan(XL, 2150 * MB).reasons());
        assertEquals(
                List.of(
                        "memory: 3.73 GB of 8.00 GB, with 0.54 GB for CUDA itself",
                        "batch: 8, as asked",
                        "modulations: of all 50 steps at once",
                        "steps without guidance: on one half, half_step stays loaded",
                        "engines: all stay loaded"),
                MemoryPlanner.plan(xl(Set.of(Bias.CONSTANT), 8), 8000 * MB).reasons());
    }

    @Test
    void aBudgetThatNothingFitsNamesTheSmallestThatDoes() {
        MaskRtException e = assertThrows(MaskRtException.class, () -> MemoryPlanner.plan(XL, 1400 * MB));
        assertEquals(ExitCode.USAGE, e.code());
        assertEquals(
                "--memory-budget: expected 1445MB or more, which this model needs for one picture at a time, got 1.40"
                        + " GB; give it more, or take a smaller model",
                e.getMessage());
        assertEquals(1, MemoryPlanner.plan(XL, MemoryPlanner.bytes("1445MB")).batch());
    }

    @Test
    void anOpenedFolderSharesWhatItsEnginesSayTheyTake() {
        Denoiser model = new Dit(new DitConfig(4, 2, 4, 16, 1, 2, 4, 10, true));
        AutoencoderKlConfig vae = new AutoencoderKlConfig(3, 4, List.of(4, 4), 1, 2, 0.5, 8);
        DiffusionPipeline.Model opened = new DiffusionPipeline.Model(
                model, vae, NoiseSchedule.linear(), Collections.emptySortedMap(), List.of());
        CpuDevice device = new CpuDevice(1 << 20);
        ReferenceBackend reference = new ReferenceBackend(model, new AutoencoderKl(vae), GuidedChannels.REFERENCE, 1);
        PipelineOptions options = PipelineOptions.DEFAULT.withMemoryBudget(MemoryPlanner.OVERHEAD + 4 * MB);
        try (DeviceBackend backend =
                new DeviceBackend("double", device, new ReferenceEngines(device, reference, model, 8), 1)) {
            assertEquals(8, MemoryNeeds.share(backend, Path.of("model"), opened, options));
            MemoryPlan plan = backend.plan();
            // four engines of 1 MB each and their tables are more than 4 MB, three are not
            assertEquals(false, plan.halves());
            assertEquals(Set.of(), plan.onDemand());
            assertEquals(5, plan.reasons().size(), plan.reasons()::toString);
        }
        MaskRtException e = assertThrows(
                MaskRtException.class, () -> MemoryNeeds.share(reference, Path.of("model"), opened, options));
        assertEquals(ExitCode.USAGE, e.code());
        assertEquals(
                "--memory-budget: expected the backend trt, got reference, which shares the host's memory; leave the"
                        + " budget out",
                e.getMessage());
        assertEquals(8, MemoryNeeds.share(reference, Path.of("model"), opened, PipelineOptions.DEFAULT));
    }

    @ParameterizedTest
    @CsvSource({"2GB, 2000000000", "1.5GiB, 1610612736", "800MB, 800000000", "16 mib, 16777216"})
    void amountsOfMemoryAreRead(String text, long bytes) {
        assertEquals(bytes, MemoryPlanner.bytes(text));
    }

    @ParameterizedTest
    @CsvSource({"2", "GB", "-1GB", "2TB", "1e9", "''"})
    void otherTextsAreRefused(String text) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> MemoryPlanner.bytes(text));
        assertEquals(ExitCode.USAGE, e.code());
        assertEquals(
                "--memory-budget: expected an amount of memory such as 2GB, 1.5GiB or 800MB, got '" + text + "'",
                e.getMessage());
    }
}

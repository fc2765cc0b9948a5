package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Ddim;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.diffusion.Step;
import org.maskrt.models.dinov2.DinoV2Pixels;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.emd3c.Emd3cConfig.Kind;
import org.maskrt.models.emd3c.Emd3cConfig.Source;
import org.maskrt.models.emd3c.Placement;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.random.PerImageRandom;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.runtime.device.CpuDevice;

class CustomizeTest {
    private static final int SIZE = 16;
    private static final int SIDE = 8;
    private static final int LATENT = 4 * SIDE * SIDE;
    private static final double SCALE = 2.5;
    private static final AutoencoderKl VAE =
            new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(4, 4), 1, 2, 0.5, SIZE));
    private static final Params<Tensor> PARAMS = Params.of((path, shape) -> ReferenceBackend.weight(path, shape, 1));
    static final ObjectConditions.ImageEncoder ENCODER = new ObjectConditions.ImageEncoder("image_encoder", 8, 28, 4);

    @TempDir
    Path folder;

    @BeforeEach
    void export() throws IOException {
        Path report = folder.resolve("onnx/guided_step/export.json");
        Files.createDirectories(report.getParent());
        Files.writeString(report, "{\"guided_channels\": \"all\"}");
    }

    private static Emd3c model() {
        return new Emd3c(new Emd3cConfig(
                SIDE,
                2,
                4,
                16,
                3,
                2,
                2,
                1,
                0.3,
                true,
                List.of(
                        new Source("lsif", Kind.LATENT, 16, 4),
                        new Source("tbf", Kind.FEATURE, 5, 8),
                        new Source("gsif", Kind.FEATURE, 5, 8))));
    }

    private DiffusionPipeline pipeline(int maxBatch, ObjectConditions.ImageEncoder... encoders) {
        return pipeline(folder, maxBatch, encoders);
    }

    static DiffusionPipeline pipeline(Path folder, int maxBatch, ObjectConditions.ImageEncoder... encoders) {
        Emd3c model = model();
        return new DiffusionPipeline(
                folder,
                new DiffusionPipeline.Model(
                        model, VAE.config(), NoiseSchedule.linear(), Collections.emptySortedMap(), List.of(encoders)),
                new ReferenceBackend(model, VAE, GuidedChannels.ALL, PARAMS),
                maxBatch);
    }

    private static RgbImage random(int width, int height, long seed) {
        byte[] pixels = new byte[3 * width * height];
        new Random(seed).nextBytes(pixels);
        return new RgbImage(width, height, pixels);
    }

    static Customization pair(long seed) {
        Mask mask = Mask.of(20, 14, new Box(3, 2, 11, 9));
        return new Customization(random(20, 14, seed), mask, random(40, 30, seed + 1), new Box(9, 12, 14, 10));
    }

    static CustomizationRequest request(List<Customization> pairs) {
        return CustomizationRequest.of(pairs)
                .with(Sampling.ddim("3"))
                .with(new GuidanceOptions(new Guidance.Constant(SCALE), GuidedChannels.ALL, 0));
    }

    private static float[] encode(ReferenceOps ops, RgbImage picture) {
        float[] pixels = new float[3 * SIZE * SIZE];
        picture.toFloats(pixels, 0);
        float[] moments =
                VAE.encode(ops, PARAMS, Tensor.of(pixels, 1, 3, SIZE, SIZE)).values();
        float[] latent = Arrays.copyOf(moments, LATENT);
        for (int i = 0; i < LATENT; i++) {
            latent[i] *= 0.5f;
        }
        return latent;
    }

    /** The run written out with the model's own methods. */
    @Test
    void theObjectIsDrawnAsTheModelSays() {
        Customization pair = pair(5);
        RgbImage square;
        try (DiffusionPipeline pipeline = pipeline(8, ENCODER)) {
            square = pipeline.customize(request(List.of(pair))).squares().get(0);
        }

        Emd3c model = model();
        ReferenceOps ops = new ReferenceOps();
        Placement placement = Placement.of(pair.scene(), pair.box());
        List<Tensor> features = new ArrayList<>();
        features.add(Tensor.of(encode(ops, Placement.object(pair.object(), pair.mask(), SIZE)), 1, 4, SIDE, SIDE));
        for (RgbImage picture : List.of(placement.boxPicture(28), Placement.object(pair.object(), pair.mask(), 28))) {
            features.add(ReferenceBackend.ENCODER.tokens(ops, PARAMS, DinoV2Pixels.of(List.of(picture), 28, 28)));
        }
        Tensor c0 = model.collect(ops, PARAMS, features);
        Tensor hint = Tensor.of(encode(ops, placement.hint(pair.scene(), SIZE)), 1, 4, SIDE, SIDE);
        float[] x = new float[LATENT];
        new PerImageRandom(0).normal(0, x, 0, LATENT);
        for (Step step : new Ddim(0).plan(NoiseSchedule.linear().respace("3"))) {
            Tensor sample = ops.concat(1, List.of(hint, Tensor.of(x, 1, 4, SIDE, SIDE)));
            Tensor time = Tensor.of(new float[] {step.timestep()}, 1);
            float[] conditional = model.forward(ops, PARAMS, sample, time, c0).values();
            float[] unconditional = model.forward(ops, PARAMS, sample, time, Tensor.zeros(1, 16))
                    .values();
            float[] eps = new float[LATENT];
            for (int i = 0; i < LATENT; i++) {
                eps[i] = unconditional[i] + (float) SCALE * (conditional[i] - unconditional[i]);
            }
            step.coefficients().apply(x, eps, new float[LATENT], new float[LATENT], x);
        }
        for (int i = 0; i < LATENT; i++) {
            x[i] /= 0.5f;
        }
        RgbImage expected = RgbImage.of(
                VAE.decode(ops, PARAMS, Tensor.of(x, 1, 4, SIDE, SIDE)).values(), 0, SIZE, SIZE);
        for (int i = 0; i < expected.pixels().length; i++) {
            assertEquals(
                    Byte.toUnsignedInt(expected.pixels()[i]), Byte.toUnsignedInt(square.pixels()[i]), 1, "value " + i);
        }
    }

    @Test
    void theSceneOutsideTheBoxStaysAndBatchesDoNotMatter() {
        List<Customization> pairs = List.of(pair(5), pair(6), pair(7));
        try (DiffusionPipeline whole = pipeline(8, ENCODER);
                DiffusionPipeline single = pipeline(1, ENCODER)) {
            CustomizationResult result = whole.customize(request(pairs));
            CustomizationResult each = single.customize(request(pairs));
            assertEquals(List.of(0L, 1L, 2L), result.seeds());
            for (int p = 0; p < 3; p++) {
                byte[] before = pairs.get(p).scene().pixels();
                byte[] after = result.images().get(p).pixels();
                int changed = 0;
                for (int i = 0; i < 40 * 30; i++) {
                    boolean same = Arrays.equals(before, 3 * i, 3 * i + 3, after, 3 * i, 3 * i + 3);
                    int x = i % 40;
                    int y = Math.floorDiv(i, 40);
                    assertTrue(same || (x >= 9 && x < 23 && y >= 12 && y < 22), "pair " + p + ", pixel " + i);
                    changed += same ? 0 : 1;
                }
                assertEquals(140, changed, 5, "pair " + p);
                byte[] one = each.squares().get(p).pixels();
                byte[] all = result.squares().get(p).pixels();
                for (int i = 0; i < one.length; i++) {
                    assertEquals(Byte.toUnsignedInt(all[i]), Byte.toUnsignedInt(one[i]), 1, "pair " + p);
                }
            }
            RgbImage table = CustomizationTable.of(
                    result, pairs.stream().map(Customization::scene).toList(), 9);
            assertTrue(table.width() > 4 * SIZE && table.height() > 3 * SIZE);
            Path written =
                    new SampleWriter(folder.resolve("out"), false, Collections.emptySortedMap()).write(result, table);
            assertEquals(folder.resolve("out/table.png"), written);
            assertTrue(Files.exists(folder.resolve("out/000002.png")));
            assertArrayEquals(
                    result.images().get(0).pixels(),
                    org.maskrt.models.image.Images.decode(folder.resolve("out/000000.png"))
                            .pixels());
        }
    }

    @Test
    void onADeviceTheHintStaysThereForAllSteps() throws IOException {
        Path report = folder.resolve("onnx-tensorrt/guided_step/export.json");
        Files.createDirectories(report.getParent());
        Files.copy(folder.resolve("onnx/guided_step/export.json"), report);
        List<Customization> pairs = List.of(pair(5), pair(6), pair(7));
        CpuDevice device = new CpuDevice(1 << 26);
        Emd3c model = model();
        ReferenceEngines engines =
                new ReferenceEngines(device, new ReferenceBackend(model, VAE, GuidedChannels.ALL, PARAMS), model, 8);
        try (DiffusionPipeline host = pipeline(8, ENCODER);
                DiffusionPipeline loop = new DiffusionPipeline(
                        folder,
                        new DiffusionPipeline.Model(
                                model,
                                VAE.config(),
                                NoiseSchedule.linear(),
                                Collections.emptySortedMap(),
                                List.of(ENCODER)),
                        new DeviceBackend("double", device, engines, 1),
                        8)) {
            for (Guidance guidance : List.of(new Guidance.Constant(SCALE), Guidance.none(), new Guidance.Constant(0))) {
                CustomizationRequest asked = request(pairs)
                        .with(Sampling.dpmSolver("4"))
                        .with(new GuidanceOptions(guidance, GuidedChannels.ALL, 0));
                CustomizationResult expected = host.customize(asked);
                CustomizationResult actual = loop.customize(asked);
                for (int p = 0; p < pairs.size(); p++) {
                    byte[] of = expected.squares().get(p).pixels();
                    byte[] is = actual.squares().get(p).pixels();
                    for (int i = 0; i < of.length; i++) {
                        assertEquals(Byte.toUnsignedInt(of[i]), Byte.toUnsignedInt(is[i]), 1, "pair " + p);
                    }
                }
            }
            assertEquals(3 * 4, device.count("launch"));
            assertEquals(2, device.count("capture"), "one for guided steps, one for those on either half");
        }
        assertEquals(0, device.open());
    }

    @Test
    void whatDoesNotFitIsRefused() {
        try (DiffusionPipeline bare = pipeline(8);
                DiffusionPipeline pipeline = pipeline(8, ENCODER)) {
            assertMessage(
                    ExitCode.FAILURE,
                    folder.resolve("onnx/ccnet")
                            + ": the source tbf needs an image encoder of width 8, and the folder has none; add it with"
                            + " `maskrt import`",
                    () -> bare.customize(request(List.of(pair(1)))));
            assertMessage(
                    ExitCode.USAGE,
                    folder + ": expected at least one object and scene, got none",
                    () -> pipeline.customize(request(List.of())));
            Customization good = pair(1);
            assertMessage(
                    ExitCode.USAGE,
                    "expected a box inside the scene of 40 x 30, got 11 x 5 at (30, 0); move it or make it smaller",
                    () -> new Customization(good.object(), good.mask(), good.scene(), new Box(30, 0, 11, 5)));
            assertMessage(
                    ExitCode.USAGE,
                    folder + ": expected a model of classes (DiT, MDT, MaskDiT), received Emd3c, which draws an object"
                            + " into a scene; use `maskrt customize`",
                    () -> pipeline.generate(GenerationRequest.of(List.of(1))));
        }
    }

    private static void assertMessage(ExitCode code, String message, org.junit.jupiter.api.function.Executable action) {
        MaskRtException e = assertThrows(MaskRtException.class, action);
        assertEquals(message, e.getMessage());
        assertEquals(code, e.code());
    }
}

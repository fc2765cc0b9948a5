package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Ddim;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.diffusion.Step;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.maskdit.MaskDitConfig;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.random.PerImageRandom;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.runtime.InpaintRequest.Method;

class InpaintTest {
    private static final int SIZE = 16;
    private static final int SIDE = 8;
    private static final int PLANE = SIDE * SIDE;
    private static final int LATENT = 4 * PLANE;
    private static final double SCALE = 2.5;
    private static final AutoencoderKl VAE =
            new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(4, 4), 1, 2, 0.5, SIZE));
    private static final Dit DIT = new Dit(new DitConfig(SIDE, 2, 4, 16, 1, 2, 4, 10, true));
    private static final MaskDit MASK_DIT = new MaskDit(new MaskDitConfig(SIDE, 2, 4, 16, 2, 2, 4, 10, 16, 1, 2, 0.5));
    private static final Params<Tensor> PARAMS = Params.of((path, shape) -> ReferenceBackend.weight(path, shape, 1));

    @TempDir
    Path folder;

    private static Mdt mdt(int version) {
        return new Mdt(new MdtConfig(version, SIDE, 2, 4, 16, 4, 2, 4, 10, 2, 0.3, true));
    }

    private DiffusionPipeline pipeline(Denoiser model, int maxBatch) throws java.io.IOException {
        Path report = folder.resolve("onnx/guided_step/export.json");
        Files.createDirectories(report.getParent());
        Files.writeString(report, "{\"guided_channels\": \"all\"}");
        return new DiffusionPipeline(
                folder,
                new DiffusionPipeline.Model(
                        model, VAE.config(), NoiseSchedule.linear(), Collections.emptySortedMap(), List.of()),
                new ReferenceBackend(model, VAE, GuidedChannels.ALL, PARAMS),
                maxBatch);
    }

    private static RgbImage picture() {
        RgbImage image = new RgbImage(SIZE, SIZE);
        for (int i = 0; i < image.pixels().length; i++) {
            image.pixels()[i] = (byte) (i * 37);
        }
        return image;
    }

    private static InpaintRequest request(Mask mask, Method method, int... labels) {
        GenerationRequest generation = GenerationRequest.of(
                        Arrays.stream(labels).boxed().toList())
                .with(Sampling.ddim("3", 0.5))
                .with(new GuidanceOptions(new Guidance.Constant(SCALE), GuidedChannels.ALL, 0))
                .withLatents();
        return new InpaintRequest(picture(), mask, method, generation);
    }

    /** The run written out with the recorded form of the masked branch, in which hidden tokens are taken out. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void theSideInterpolaterFillsTheHiddenTokens(int version) throws java.io.IOException {
        Mdt mdt = mdt(version);
        Mask mask = Mask.of(SIZE, SIZE, new Box(5, 3, 6, 9));
        float[] latents;
        try (DiffusionPipeline pipeline = pipeline(mdt, 8)) {
            latents = pipeline.inpaint(request(mask, Method.SIDE_INTERPOLATER, 3))
                    .latents()
                    .values();
        }

        ReferenceOps ops = new ReferenceOps();
        float[] pixels = new float[3 * SIZE * SIZE];
        picture().toFloats(pixels, 0);
        float[] moments =
                VAE.encode(ops, PARAMS, Tensor.of(pixels, 1, 3, SIZE, SIZE)).values();
        boolean[] unknown = new boolean[PLANE];
        float[] order = new float[16];
        for (int i = 0; i < PLANE; i++) {
            int x = i % SIDE;
            int y = i / SIDE;
            // pixels 5 to 10 and 3 to 11 are places 2 to 5 and 1 to 5
            unknown[i] = x >= 2 && x <= 5 && y >= 1 && y <= 5;
            if (unknown[i]) {
                order[y / 2 * 4 + x / 2] = 1;
            }
        }
        int kept = 0;
        for (int i = 0; i < order.length; i++) {
            kept += order[i] == 0 ? 1 : 0;
            order[i] += i * 1e-3f;
        }
        assertEquals(10, kept);
        MaskPlan plan = MaskPlan.of(order, 1, 16, kept);
        PerImageRandom random = new PerImageRandom(0);
        float[] start = new float[LATENT];
        random.normal(0, start, 0, LATENT);
        float[] x = start.clone();
        NoiseSchedule schedule = NoiseSchedule.linear();
        List<Step> steps = new Ddim(0.5).plan(schedule.respace("3"));
        for (int i = 0; i < steps.size(); i++) {
            int t = steps.get(i).timestep();
            double signal = schedule.alphaCumprod(t);
            for (int k = 0; k < LATENT; k++) {
                if (!unknown[k % PLANE]) {
                    x[k] = (float) (Math.sqrt(signal) * 0.5 * moments[k] + Math.sqrt(1 - signal) * start[k]);
                }
            }
            float[] conditional = masked(mdt, x, t, 3, plan);
            float[] unconditional = masked(mdt, x, t, 10, plan);
            float[] eps = new float[LATENT];
            for (int k = 0; k < LATENT; k++) {
                eps[k] = unconditional[k] + (float) SCALE * (conditional[k] - unconditional[k]);
            }
            float[] noise = new float[LATENT];
            if (steps.get(i).coefficients().stochastic()) {
                random.normal(i + 1, noise, 0, LATENT);
            }
            steps.get(i).coefficients().apply(x, eps, new float[LATENT], noise, x);
        }
        for (int k = 0; k < LATENT; k++) {
            if (!unknown[k % PLANE]) {
                x[k] = 0.5f * moments[k];
            }
        }
        Parity parity = Parity.of("latents", Tensor.of(x, LATENT), Tensor.of(latents, LATENT), 1e-5);
        assertTrue(parity.passed(), parity::toString);
    }

    private static float[] masked(Mdt mdt, float[] x, int t, int label, MaskPlan plan) {
        ReferenceOps ops = new ReferenceOps();
        return mdt.forwardMasked(
                        ops,
                        PARAMS,
                        Tensor.of(x, 1, 4, SIDE, SIDE),
                        Tensor.of(new float[] {t}, 1),
                        Tensor.ofIndices(new long[] {label}, 1),
                        plan.on(ops))
                .values();
    }

    @ParameterizedTest
    @EnumSource(Method.class)
    void whatTheMaskLeavesIsThatOfThePicture(Method method) throws java.io.IOException {
        Mask mask = Mask.of(SIZE, SIZE, new Box(0, 0, SIZE, 12));
        try (DiffusionPipeline whole = pipeline(mdt(2), 8);
                DiffusionPipeline single = pipeline(mdt(2), 1)) {
            InpaintRequest request = request(mask, method, 1, 2, 1);
            GenerationResult result = whole.inpaint(request);
            assertKept(mask, result);
            float[] all = result.latents().values();
            float[] each = single.inpaint(request).latents().values();
            Parity parity = Parity.of("latents", Tensor.of(all, all.length), Tensor.of(each, each.length), 1e-5);
            assertTrue(parity.passed(), parity::toString);
        }
    }

    private static void assertKept(Mask mask, GenerationResult result) {
        byte[] before = picture().pixels();
        for (RgbImage image : result.images()) {
            int painted = 0;
            for (int i = 0; i < SIZE * SIZE; i++) {
                boolean same = Arrays.equals(before, 3 * i, 3 * i + 3, image.pixels(), 3 * i, 3 * i + 3);
                assertTrue(same || mask.holds(i % SIZE, i / SIZE), "pixel " + i);
                painted += same ? 0 : 1;
            }
            assertTrue(painted > 100, "painted " + painted + " pixels");
        }
    }

    @Test
    void modelsWithoutASideInterpolaterReplace() throws java.io.IOException {
        Mask mask = Mask.of(SIZE, SIZE, new Box(4, 4, 12, 12));
        try (DiffusionPipeline dit = pipeline(DIT, 8);
                DiffusionPipeline maskDit = pipeline(MASK_DIT, 8)) {
            assertKept(mask, dit.inpaint(request(mask, Method.REPLACE, 1)));
            InpaintRequest heun = request(mask, Method.REPLACE, 1, 2);
            heun = new InpaintRequest(
                    heun.image(), heun.mask(), heun.method(), heun.generation().with(Sampling.heun(4)));
            GenerationResult result = maskDit.inpaint(heun);
            assertKept(mask, result);
            assertEquals(7, result.timings().steps());
            assertUsage(
                    folder + ": expected a model with a side-interpolater (MDT) to inpaint with, received Dit; use the"
                            + " method replace",
                    () -> dit.inpaint(request(mask, Method.SIDE_INTERPOLATER, 1)));
        }
    }

    @Test
    void whatDoesNotFitIsRefused() throws java.io.IOException {
        Mask all = Mask.of(SIZE, SIZE, new Box(0, 0, SIZE, SIZE));
        try (DiffusionPipeline pipeline = pipeline(mdt(1), 8)) {
            assertUsage(
                    "inpaint: the mask touches every token of the model, so nothing is known; make it smaller, or use"
                            + " `maskrt sample`",
                    () -> pipeline.inpaint(request(all, Method.SIDE_INTERPOLATER, 1)));
            assertUsage(
                    "inpaint: the mask is black, so nothing is to be painted; paint it white there",
                    () -> request(new Mask(SIZE, SIZE, new byte[SIZE * SIZE]), Method.REPLACE, 1));
            assertUsage(
                    "inpaint: expected picture and mask of one size, got 16 x 16 and 8 x 16; crop or resize one of them",
                    () -> request(new Mask(8, SIZE, new byte[8 * SIZE]), Method.REPLACE, 1));
            InpaintRequest small =
                    InpaintRequest.of(new RgbImage(8, 8), Mask.of(8, 8, new Box(0, 0, 4, 4)), List.of(1));
            assertUsage(
                    "inpaint: expected a picture of 16 x 16, as the model makes them, got 8 x 8; crop or resize it",
                    () -> pipeline.inpaint(small));
            assertUsage(
                    "there is no way of inpainting called lama; use one of side-interpolater, replace",
                    () -> Method.named("lama"));
        }
    }

    private static void assertUsage(String message, Executable action) {
        MaskRtException e = assertThrows(MaskRtException.class, action);
        assertEquals(message, e.getMessage());
        assertEquals(ExitCode.USAGE, e.code());
    }
}

package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.dinov2.DinoV2Pixels;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.emd3c.Placement;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;
import org.maskrt.trainer.Emd3cSizes.SourceSizes;
import org.maskrt.trainer.data.Pair;
import org.maskrt.trainer.data.Scenes;
import org.maskrt.trainer.log.MetricsCsv;

class TrainingTest {
    private static final String CONFIG = """
            seed: 3
            data: {source: shapes, images: 40, classes: 0, size: 16, mirror: true}
            autoencoder:
              model: {in_channels: 3, latent_channels: 4, block_out_channels: [8, 8], layers_per_block: 1,
                      norm_num_groups: 4, scaling_factor: 1, sample_size: 16}
              steps: 6
              batch: 4
              edge_weight: 1
              precision: fp32
              kl_weight: 1.0e-4
              optimizer: {learning_rate: 0.001, warmup_steps: 2, cosine: true, weight_decay: 0, clip_norm: 1, ema_decay: 0.99}
            transformer:
              model: {family: mdt-v2, patch_size: 2, hidden_size: 16, depth: 4, num_heads: 2, mlp_ratio: 4,
                      decode_layer: 2, mask_ratio: 0.3, masking: {masked_weight: 0.5}}
              steps: 6
              batch: 4
              accumulate: 2
              timesteps: loss-aware
              label_drop: 0.1
              precision: bf16
              optimizer: {learning_rate: 0.001, warmup_steps: 0, cosine: false, weight_decay: 0.01, clip_norm: 1, ema_decay: [0.99, 0.5]}
              preview: {steps: 2, guidance: 2, columns: 1}
            pace: {checkpoint: 2, preview: 6}
            """;

    private static final String MASKDIT = """
            model: {family: maskdit, patch_size: 2, hidden_size: 16, depth: 2, num_heads: 2, mlp_ratio: 4, decoder_hidden_size: 16,
                      decoder_depth: 1, decoder_num_heads: 2, sigma_data: 1,
                      masking: {mask_ratio: 0.5, mae_weight: 0.1, unmasking: cosine, unmask_from: 2, unmask_steps: 2}}""";

    private static final List<String> RESULTS = List.of(
            "training/autoencoder/checkpoint.safetensors",
            "training/autoencoder/metrics.csv",
            "training/transformer/checkpoint.safetensors",
            "training/transformer/metrics.csv",
            "training/transformer/ema-0.5.safetensors",
            "training/latents/latents-00001-of-00001.safetensors",
            "training/transformer/preview-0000006.png",
            "vae/diffusion_pytorch_model.safetensors",
            "vae/config.json",
            "transformer/diffusion_pytorch_model.safetensors",
            "model_index.json");

    @TempDir
    private Path folder;

    private static void train(String config, Path out, BooleanSupplier cancelled) {
        Training.run(TrainConfig.parse("test.yaml", config), out, Devices.cpu(), new TrainListener() {}, cancelled);
    }

    /** Cancels at the {@code n}-th question, from 0. */
    private static BooleanSupplier cancelAt(int n) {
        int[] asked = {0};
        return () -> asked[0]++ == n;
    }

    @Test
    void interruptedAndResumedGivesTheSameBytes() throws IOException {
        Path whole = folder.resolve("whole");
        train(CONFIG, whole, () -> false);
        Path broken = folder.resolve("broken");
        // in the middle of the autoencoder, then in the middle of the transformer (one more question while encoding
        // latents)
        for (int at : List.of(3, 3 + 1 + 3)) {
            MaskRtException e = assertThrows(MaskRtException.class, () -> train(CONFIG, broken, cancelAt(at)));
            assertEquals(ExitCode.INTERRUPTED, e.code());
            assertFalse(Files.exists(broken.resolve("model_index.json")));
        }
        train(CONFIG, broken, () -> false);
        for (String file : RESULTS) {
            assertArrayEquals(Files.readAllBytes(whole.resolve(file)), Files.readAllBytes(broken.resolve(file)), file);
        }
        assertEquals(
                List.of("step", "step_ms", "data_wait_ms"),
                MetricsCsv.read(broken.resolve("training/transformer/timing.csv"))
                        .columns());
        try (ModelFolder model = ModelFolder.open(whole);
                Stream<Path> files = Files.walk(whole)) {
            assertEquals(10, model.denoiser().numClasses());
            assertEquals("disc", model.labels().get(0));
            assertTrue(model.autoencoder().config().scalingFactor() > 0);
            assertEquals(
                    List.of(), files.filter(f -> f.toString().endsWith(".tmp")).toList());
        }
    }

    @Test
    void aMaskDitIsTrainedAndUnmasked() throws IOException {
        String config = CONFIG.replaceFirst("(?s)model: \\{family: mdt-v2.*?\\}\\}", MASKDIT)
                .replace("timesteps: loss-aware", "timesteps: uniform");
        Path out = folder.resolve("maskdit");
        train(config, out, () -> false);
        List<String> ratios = Files.readAllLines(out.resolve("training/transformer/metrics.csv")).stream()
                .skip(1)
                .map(line -> line.split(",")[2])
                .toList();
        // hidden until step 2, then over two steps by cosine, then not at all; a batch without labels sees everything
        assertEquals(6, ratios.size());
        assertEquals(0.5, Float.parseFloat(ratios.get(0)), 1e-6);
        assertEquals(0.5 / 4, Float.parseFloat(ratios.get(3)), 1e-6);
        assertEquals(0, Float.parseFloat(ratios.get(5)));
        try (ModelFolder model = ModelFolder.open(out)) {
            assertTrue(model.denoiser() instanceof MaskDit);
            model.requireFinite();
        }
        assertTrue(Files.exists(out.resolve("training/transformer/preview-0000006.png")));
    }

    /** A tiny image encoder with random weights. */
    private Path encoder(int width) {
        DinoV2 model = new DinoV2(new DinoV2Config(8, 4, 3, width, 1, 2, 2, false, 0, false, 0.1));
        NdParams layout = new NdParams(WeightCheck.wanted(model));
        float[] values = new Streams(width).normal(Streams.Purpose.NOISE, 0, layout.size());
        Path out = folder.resolve("encoder" + width);
        Component.writeImageEncoder(out, model, Weights.of("a tiny encoder", layout.unflatten(values)), DType.F32);
        return out;
    }

    @Test
    void anEmd3cIsTrainedOnPairs() throws IOException {
        String model = String.format("""
                model: {family: emd3c, patch_size: 2, hidden_size: 16, depth: 4, num_heads: 2, mlp_ratio: 4, decode_layer: 2,
                        mask_ratio: 0.3, sources: [{name: lsif, kind: latent},
                        {name: tbf, kind: feature, encoder: %s, image_size: 8},
                        {name: gsif, kind: feature, encoder: %s, image_size: 12}]}""", encoder(4), encoder(8));
        String config = CONFIG.replaceFirst("(?s)model: \\{family: mdt-v2.*?\\}\\}", model)
                .replaceFirst("data: .*", "data: {source: scenes, images: 20, size: 16}")
                .replace("columns: 1", "columns: 3");
        Path whole = folder.resolve("whole");
        train(config, whole, () -> false);
        Path broken = folder.resolve("broken");
        // after six steps and two batches of pairs, in the middle of the transformer
        assertThrows(MaskRtException.class, () -> train(config, broken, cancelAt(6 + 2 + 3)));
        train(config, broken, () -> false);
        for (String file : RESULTS) {
            assertArrayEquals(Files.readAllBytes(whole.resolve(file)), Files.readAllBytes(broken.resolve(file)), file);
        }
        RgbImage preview = Images.decode(whole.resolve("training/transformer/preview-0000006.png"));
        assertEquals(3 * 16, preview.width());
        assertEquals(4 * 16, preview.height());
        try (ModelFolder result = ModelFolder.open(whole)) {
            Emd3c trained = (Emd3c) result.denoiser();
            assertEquals(
                    List.of(
                            new Emd3cConfig.Source("lsif", Emd3cConfig.Kind.LATENT, 16, 4),
                            new Emd3cConfig.Source("tbf", Emd3cConfig.Kind.FEATURE, 5, 4),
                            new Emd3cConfig.Source("gsif", Emd3cConfig.Kind.FEATURE, 10, 8)),
                    trained.config().sources());
            assertEquals(2, result.imageEncoders().size());
            result.requireFinite();
            result.imageEncoders()
                    .values()
                    .forEach(part -> assertEquals(
                            part.model().config().hiddenSize() == 4 ? 8 : 12, result.pictureSize(part.model())));
        }
    }

    @Test
    void featuresAreThoseOfTheEncoders() {
        Path at = encoder(4);
        Scenes scenes = new Scenes(16, 3, 5);
        Emd3cSizes sizes = new Emd3cSizes(
                "emd3c",
                2,
                16,
                4,
                2,
                4,
                2,
                0.3,
                new MdtTraining(0, 1, MaskSchedule.Unmasking.NONE, 0, 0),
                List.of(new SourceSizes("tbf", Emd3cConfig.Kind.FEATURE, at.toString(), 8)));
        TrainConfig parsed = TrainConfig.parse("test.yaml", CONFIG);
        DenoiserTraining t = parsed.transformer();
        DenoiserTraining training =
                new DenoiserTraining(sizes, 1, 2, 1, 0, Timesteps.UNIFORM, Precision.FP32, t.optimizer(), t.preview());
        AutoencoderKl vae = new AutoencoderKl(parsed.autoencoder().model());
        NdParams layout = new NdParams(WeightCheck.wanted(vae));
        Map<String, Tensor> values = layout.unflatten(
                layout.flatten((path, shape) -> Initialisation.TORCH.of(path, shape, layout.shapes(), 1)));
        try (EagerModel eager = new EagerModel(Weights.of("a tiny autoencoder", values));
                Component<DinoV2> encoder = Component.openImageEncoder(at);
                EagerModel tokens = new EagerModel(encoder.weights());
                PairedData data = PairedData.open(
                        training,
                        sizes,
                        new PairedData.Pictures(scenes, 16),
                        new Codec(eager, vae, Device.cpu()),
                        new Cache(folder.resolve("cache"), "test", done -> {}),
                        new Streams(3))) {
            Paired batch = data.batch(new long[] {3, 1}, new SplittableRandom(1));
            for (int i = 0; i < 2; i++) {
                Pair pair = scenes.get(i == 0 ? 3 : 1);
                Placement placement = Placement.of(pair.target(), pair.box());
                Tensor expected = tokens.run(
                        (ops, p, in) -> encoder.model().tokens(ops, p, in.get(0)),
                        DinoV2Pixels.of(List.of(placement.boxPicture(8)), 8, 8));
                assertArrayEquals(
                        expected.values(),
                        batch.features().get(0).rows(i, i + 1).values(),
                        1e-5f,
                        "tbf " + i);
                float[] hint = new float[3 * 16 * 16];
                placement.hint(pair.target(), 16).toFloats(hint, 0);
                float[] means = new Codec(eager, vae, Device.cpu())
                        .means(Tensor.of(hint, 1, 3, 16, 16))
                        .values();
                for (int k = 0; k < means.length; k++) {
                    means[k] *= (float) vae.config().scalingFactor();
                }
                assertArrayEquals(means, batch.hint().rows(i, i + 1).values(), 1e-5f, "hint " + i);
            }
        }
    }

    @Test
    void damagedCheckpointIsRefused() throws IOException {
        Path out = folder.resolve("run");
        assertThrows(MaskRtException.class, () -> train(CONFIG, out, cancelAt(3)));
        Path checkpoint = out.resolve("training/autoencoder/checkpoint.safetensors");
        byte[] good = Files.readAllBytes(checkpoint);
        try (RandomAccessFile file = new RandomAccessFile(checkpoint.toFile(), "rw")) {
            file.seek(good.length - 100);
            file.write(good[good.length - 100] ^ 1);
        }
        MaskRtException flipped = assertThrows(MaskRtException.class, () -> train(CONFIG, out, () -> false));
        assertEquals(ExitCode.FAILURE, flipped.code());
        assertTrue(
                flipped.getMessage()
                        .startsWith(checkpoint + ": this checkpoint is damaged: expected contents of checksum"),
                flipped.getMessage());
        Files.write(checkpoint, java.util.Arrays.copyOf(good, good.length - 5));
        MaskRtException cut = assertThrows(MaskRtException.class, () -> train(CONFIG, out, () -> false));
        assertTrue(cut.getMessage().contains(checkpoint.toString()), cut.getMessage());
    }

    @Test
    void checkpointOfAnotherConfigurationIsRefused() {
        Path out = folder.resolve("run");
        assertThrows(MaskRtException.class, () -> train(CONFIG, out, cancelAt(3)));
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> train(CONFIG.replace("edge_weight: 1", "edge_weight: 2"), out, () -> false));
        assertEquals(ExitCode.USAGE, e.code());
        assertTrue(e.getMessage().contains("expected a checkpoint of this configuration"), e.getMessage());
    }

    @Test
    void lossThatIsNotFiniteNamesTheStep() {
        String wild =
                CONFIG.replaceFirst("learning_rate: 0.001, warmup_steps: 2", "learning_rate: 1.0e30, warmup_steps: 0");
        Path out = folder.resolve("run");
        MaskRtException e = assertThrows(MaskRtException.class, () -> train(wild, out, () -> false));
        assertEquals(ExitCode.NOT_FINITE, e.code());
        assertTrue(
                e.getMessage().startsWith("autoencoder: expected a finite loss at step 2, received loss "),
                e.getMessage());
    }
}

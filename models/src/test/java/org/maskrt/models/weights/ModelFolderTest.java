package org.maskrt.models.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.models.weights.ScheduleConfig.BetaSchedule;

class ModelFolderTest {
    private static final Denoiser DIT = new Dit(new DitConfig(4, 2, 4, 8, 2, 2, 4, 3, true));
    private static final Denoiser MDT = new Mdt(new MdtConfig(2, 4, 2, 4, 8, 4, 2, 4, 3, 2, 0.3, true));
    private static final AutoencoderKl VAE =
            new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(8, 16), 1, 4, 0.5, 8));
    private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";

    /** An MDT with an autoencoder. */
    @TempDir
    static Path whole;

    @TempDir
    Path folder;

    @BeforeAll
    static void writeWhole() {
        write(whole, MDT);
    }

    private static Weights random(Map<String, Shape> shapes, long seed) {
        Random random = new Random(seed);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        shapes.forEach((key, shape) -> {
            float[] values = new float[shape.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
            tensors.put(key, Tensor.of(values, shape));
        });
        return Weights.of("random weights", tensors);
    }

    private static ModelFolder.Contents contents(Denoiser model) {
        return new ModelFolder.Contents(
                model,
                random(WeightCheck.wanted(model), 1),
                ScheduleConfig.linear(),
                Map.of(0, "disc", 2, "ring, torus"));
    }

    private void write(Denoiser model) {
        write(folder, model);
    }

    private static void write(Path folder, Denoiser model) {
        ModelFolder.write(folder, contents(model), VAE, random(WeightCheck.wanted(VAE), 2), DType.F32);
    }

    @Test
    void anEmd3cComesBack() throws IOException {
        Emd3c model = new Emd3c(Emd3cConfig.small());
        Weights weights = random(WeightCheck.wanted(model), 5);
        ModelFolder.write(
                folder,
                new ModelFolder.Contents(model, weights, ScheduleConfig.linear(), Map.of()),
                VAE,
                random(WeightCheck.wanted(VAE), 2),
                DType.F32);
        try (ModelFolder read = ModelFolder.open(folder)) {
            assertEquals(model, read.denoiser());
            assertTrue(read.transformerWeights().keys().contains("ccnet.tbf.collapse.weight"));
            assertSame(weights, read.transformerWeights());
        }
        Path config = folder.resolve("transformer/config.json");
        ObjectNode node = Json.readObject(config);
        ((ObjectNode) node.path("sources").path(1)).put("of_box", true);
        Files.writeString(config, node.toString());
        assertRefused(config + ": ", "Unrecognized field \"of_box\"");
    }

    @Test
    void whatIsWrittenComesBack() throws Exception {
        for (Denoiser model : List.of(DIT, MDT)) {
            write(model);
            try (ModelFolder read = ModelFolder.open(folder)) {
                assertEquals(folder, read.path());
                assertEquals(model, read.denoiser());
                assertEquals(VAE, read.autoencoder());
                assertEquals(ScheduleConfig.linear(), read.schedule());
                assertEquals(Map.of(0, "disc", 2, "ring, torus"), read.labels());
                assertEquals(List.of(), read.warnings());
                assertSame(random(WeightCheck.wanted(model), 1), read.transformerWeights());
                assertSame(random(WeightCheck.wanted(VAE), 2), read.vaeWeights());
                assertDoesNotThrow(read::requireFinite);
                byte[] file = Files.readAllBytes(folder.resolve("transformer").resolve(WEIGHTS));
                assertEquals(
                        HexFormat.of()
                                .formatHex(MessageDigest.getInstance("SHA-256").digest(file)),
                        read.transformer().sha256());
            }
        }
        assertEquals(
                List.of(
                        "model_index.json",
                        "scheduler/scheduler_config.json",
                        "transformer/config.json",
                        "transformer/" + WEIGHTS,
                        "vae/config.json",
                        "vae/" + WEIGHTS),
                files());
    }

    private static DinoV2 encoder(int width, int registers) {
        return new DinoV2(new DinoV2Config(20, 4, 3, width, 1, 2, 4, registers > 0, registers, registers > 0, 0.5));
    }

    /** The encoder of the same width is replaced; there is room for two. */
    @Test
    void imageEncodersArePutIntoAFolder() throws IOException {
        ModelFolder.write(folder, contents(DIT), DType.F32);
        DinoV2 first = encoder(8, 0);
        DinoV2 second = encoder(16, 3);
        Weights weights = random(WeightCheck.wanted(first), 4);
        assertEquals(
                folder.resolve("image_encoder"),
                ModelFolder.putImageEncoder(
                        folder, encoder(8, 2), random(WeightCheck.wanted(encoder(8, 2)), 6), DType.F32));
        assertEquals(
                folder.resolve("image_encoder_2"),
                ModelFolder.putImageEncoder(folder, second, random(WeightCheck.wanted(second), 5), DType.F32));
        assertEquals(folder.resolve("image_encoder"), ModelFolder.putImageEncoder(folder, first, weights, DType.F32));
        ModelFolder.putAutoencoder(folder, VAE, random(WeightCheck.wanted(VAE), 2), DType.F32);
        try (ModelFolder read = ModelFolder.open(folder)) {
            assertEquals(
                    List.of("image_encoder", "image_encoder_2"),
                    List.copyOf(read.imageEncoders().keySet()));
            assertEquals(first, read.imageEncoders().get("image_encoder").model());
            assertEquals(second, read.imageEncoders().get("image_encoder_2").model());
            assertSame(weights, read.imageEncoders().get("image_encoder").weights());
            assertEquals(20, read.pictureSize(first));
            assertEquals(VAE, read.autoencoder());
            assertEquals(Map.of(0, "disc", 2, "ring, torus"), read.labels());
            assertDoesNotThrow(read::requireFinite);
        }
        assertTrue(files().contains("image_encoder_2/model.safetensors"));
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> ModelFolder.putImageEncoder(
                        folder, encoder(12, 0), random(WeightCheck.wanted(encoder(12, 0)), 5), DType.F32));
        assertEquals(
                folder + ": expected room for an image encoder of width 12, found 2 of other widths; remove one from"
                        + " model_index.json",
                e.getMessage());
        AutoencoderKl other = new AutoencoderKl(new AutoencoderKlConfig(3, 2, List.of(8, 16), 1, 4, 0.5, 8));
        assertTrue(
                assertThrows(
                                MaskRtException.class,
                                () -> ModelFolder.putAutoencoder(
                                        folder, other, random(WeightCheck.wanted(other), 2), DType.F32))
                        .getMessage()
                        .startsWith(
                                "random weights: expected an autoencoder with the 4 latent channels of the transformer, found 2"));
    }

    @Test
    void anImageEncoderIsGivenPicturesThatMakeTheTokensOfAnEmd3c() {
        Emd3c model = new Emd3c(Emd3cConfig.small());
        Weights weights = random(WeightCheck.wanted(model), 5);
        ModelFolder.write(
                folder, new ModelFolder.Contents(model, weights, ScheduleConfig.linear(), Map.of()), DType.F32);
        try (ModelFolder read = ModelFolder.open(folder)) {
            assertEquals(16, read.pictureSize(encoder(96, 0)));
            assertEquals(20, read.pictureSize(encoder(48, 0)));
        }
    }

    @Test
    void aBadImageEncoderIsRefused() throws IOException {
        ModelFolder.write(folder, contents(DIT), DType.F32);
        DinoV2 model = encoder(8, 0);
        Path part = ModelFolder.putImageEncoder(folder, model, random(WeightCheck.wanted(model), 4), DType.F32);
        Path config = part.resolve("config.json");
        byte[] good = Files.readAllBytes(config);
        Map<String, Consumer<ObjectNode>> bad = new LinkedHashMap<>();
        bad.put(
                "expected _class_name DinoV2 or model_type dinov2 or dinov2_with_registers, received 'clip'",
                n -> n.remove(List.of("_class_name")).put("model_type", "clip"));
        bad.put("'num_hidden_layers' is 2000000000, but ", n -> n.put("num_hidden_layers", 2_000_000_000));
        bad.put("'image_size' is 2000000000, but ", n -> n.put("image_size", 2_000_000_000));
        bad.put("the keys [registers] are unknown", n -> n.put("registers", 4));
        bad.put("DINOv2: image_size must be a positive multiple of patch_size 4, got 21", n -> n.put("image_size", 21));
        bad.put(
                "expected 'image_size' to be int, received [20,20]",
                n -> n.putArray("image_size").add(20).add(20));
        for (Map.Entry<String, Consumer<ObjectNode>> each : bad.entrySet()) {
            ObjectNode node = Json.readObject(config);
            each.getValue().accept(node);
            Files.writeString(config, node.toString());
            assertRefused(config + ": ", each.getKey());
            Files.write(config, good);
        }
        Map<String, Shape> shapes = new LinkedHashMap<>(WeightCheck.wanted(model));
        shapes.remove("blocks.0.ls1.gamma");
        shapes.put("head.weight", Shape.of(3));
        SafeTensors.write(part.resolve("model.safetensors"), random(shapes, 4), DType.F32, Map.of());
        assertRefused(part.resolve("model.safetensors") + ": ", "1 missing: blocks.0.ls1.gamma; 1 extra: head.weight");
    }

    private static void assertSame(Weights expected, Weights received) {
        assertEquals(expected.keys(), received.keys());
        for (String key : expected.keys()) {
            assertArrayEquals(
                    expected.tensor(key).values(), received.tensor(key).values(), key);
        }
    }

    private List<String> files() throws IOException {
        try (Stream<Path> walk = Files.walk(folder)) {
            return walk.filter(Files::isRegularFile)
                    .map(p -> folder.relativize(p).toString().replace('\\', '/'))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void theFilesReadAsDiffusersDo() throws IOException {
        write(MDT);
        assertEquals(Json.MAPPER.readTree("""
                        {"_class_name": "MDT", "version": 2, "input_size": 4, "patch_size": 2, "in_channels": 4, "hidden_size": 8,
                         "depth": 4, "num_heads": 2, "mlp_ratio": 4.0, "num_classes": 3, "decode_layer": 2, "mask_ratio": 0.3,
                         "learn_sigma": true}"""), Json.readObject(folder.resolve("transformer/config.json")));
        assertEquals(Json.MAPPER.readTree("""
                        {"_class_name": "MDTPipeline", "transformer": ["maskrt", "MDT"], "scheduler": ["maskrt", "NoiseSchedule"],
                         "vae": ["maskrt", "AutoencoderKL"], "id2label": {"0": "disc", "2": "ring, torus"}}"""), Json.readObject(folder.resolve("model_index.json")));
        assertEquals(Json.MAPPER.readTree("""
                        {"_class_name": "NoiseSchedule", "num_train_timesteps": 1000, "beta_start": 1.0E-4, "beta_end": 0.02,
                         "beta_schedule": "linear", "prediction_type": "epsilon", "clip_sample": false}"""), Json.readObject(folder.resolve("scheduler/scheduler_config.json")));
        ObjectNode vae = Json.readObject(folder.resolve("vae/config.json"));
        assertEquals("AutoencoderKL", vae.path("_class_name").asText());
        assertEquals(List.of("DownEncoderBlock2D", "DownEncoderBlock2D"), strings(vae, "down_block_types"));
        assertEquals(List.of("UpDecoderBlock2D", "UpDecoderBlock2D"), strings(vae, "up_block_types"));
        assertEquals(0.5, vae.path("scaling_factor").asDouble());
    }

    private static List<String> strings(ObjectNode node, String key) {
        return Json.MAPPER.convertValue(
                node.get(key), Json.MAPPER.getTypeFactory().constructCollectionType(List.class, String.class));
    }

    @Test
    void aFolderMayLackTheAutoencoder() {
        ModelFolder.write(folder, contents(DIT), DType.F16);
        try (ModelFolder read = ModelFolder.open(folder)) {
            assertFalse(read.hasAutoencoder());
            assertEquals(DType.F16, read.transformerWeights().dtype("pos_embed"));
            MaskRtException e = assertThrows(MaskRtException.class, read::autoencoder);
            assertEquals(
                    folder
                            + ": expected an autoencoder (vae), found none; add the one that the transformer was trained on",
                    e.getMessage());
        }
    }

    @Test
    void weightsMayBeSharded() throws Exception {
        write(MDT);
        Path transformer = folder.resolve("transformer");
        Files.delete(transformer.resolve(WEIGHTS));
        Weights weights = random(WeightCheck.wanted(MDT), 1);
        SafeTensors.writeSharded(transformer, Component.STEM, weights, DType.F32, 4000);
        try (ModelFolder read = ModelFolder.open(folder)) {
            assertEquals(weights.keys(), read.transformerWeights().keys());
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            try (Stream<Path> list = Files.list(transformer)) {
                for (Path shard : list.filter(p -> p.toString().endsWith(".safetensors"))
                        .sorted()
                        .toList()) {
                    digest.update(Files.readAllBytes(shard));
                }
            }
            assertEquals(
                    HexFormat.of().formatHex(digest.digest()),
                    read.transformer().sha256());
        }
    }

    /** As Stability published its autoencoder: without the newer keys, and with the older names of the projections. */
    @Test
    void anAutoencoderOfDiffusersIsRead() throws IOException {
        AutoencoderKl model = new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(32, 32), 2, 32, 0.18215, 256));
        Map<String, Tensor> old = new LinkedHashMap<>();
        Weights weights = random(WeightCheck.wanted(model), 3);
        for (String key : weights.keys()) {
            old.put(
                    key.replace(".to_q.", ".query.")
                            .replace(".to_k.", ".key.")
                            .replace(".to_v.", ".value.")
                            .replace(".to_out.0.", ".proj_attn."),
                    weights.tensor(key));
        }
        assertTrue(old.containsKey("encoder.mid_block.attentions.0.proj_attn.bias"));
        SafeTensors.write(folder.resolve(WEIGHTS), old, DType.F32);
        Files.writeString(folder.resolve("config.json"), """
                {"_class_name": "AutoencoderKL", "_diffusers_version": "0.4.2", "act_fn": "silu", "block_out_channels": [32, 32],
                 "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "in_channels": 3, "latent_channels": 4,
                 "layers_per_block": 2, "out_channels": 3, "sample_size": 256, "force_upcast": true,
                 "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]}""");
        try (Component<AutoencoderKl> read = Component.openAutoencoder(folder)) {
            assertEquals(model, read.model());
            assertEquals(
                    List.of(folder.resolve("config.json") + ": the keys [force_upcast] are ignored"), read.warnings());
            assertSame(weights, read.weights());
            float[] part = new float[3];
            String key = "decoder.mid_block.attentions.0.to_k.weight";
            read.weights().read(key, 4, part, 3);
            assertEquals(weights.tensor(key).values()[6], part[2]);
        }
    }

    @Test
    void aScheduleOfDiffusersIsRead() throws IOException {
        write(DIT);
        Path file = folder.resolve("scheduler/scheduler_config.json");
        Files.writeString(file, """
                {"_class_name": "DDIMScheduler", "_diffusers_version": "0.12.0", "beta_schedule": "squaredcos_cap_v2",
                 "clip_sample": false, "set_alpha_to_one": true, "trained_betas": null, "num_train_timesteps": 500}""");
        try (ModelFolder read = ModelFolder.open(folder)) {
            assertEquals(new ScheduleConfig(500, 1e-4, 0.02, BetaSchedule.COSINE), read.schedule());
            assertEquals(List.of(file + ": the keys [clip_sample, set_alpha_to_one] are ignored"), read.warnings());
        }
    }

    @Test
    void aScheduleHasItsBetas() {
        assertArrayEquals(
                NoiseSchedule.linear(100, 1e-3, 0.1).betas(),
                new ScheduleConfig(100, 1e-3, 0.1, BetaSchedule.LINEAR)
                        .schedule()
                        .betas());
        assertArrayEquals(
                NoiseSchedule.cosine(100).betas(),
                new ScheduleConfig(100, 1e-3, 0.1, BetaSchedule.COSINE)
                        .schedule()
                        .betas());
    }

    private static Arguments edit(String file, Consumer<ObjectNode> change, String message) {
        return Arguments.of(file, change, message);
    }

    static Stream<Arguments> badConfigs() {
        String index = "model_index.json";
        String transformer = "transformer/config.json";
        String vae = "vae/config.json";
        String schedule = "scheduler/scheduler_config.json";
        return Stream.of(
                edit(
                        index,
                        n -> n.put("_class_name", "FluxPipeline"),
                        "expected _class_name DiTPipeline or MDTPipeline or EMD3CPipeline or MaskDiTPipeline, received 'FluxPipeline'; convert the model first"),
                edit(
                        index,
                        n -> n.remove("_class_name"),
                        "expected _class_name DiTPipeline or MDTPipeline or EMD3CPipeline or MaskDiTPipeline, received none"),
                edit(index, n -> n.remove("transformer"), "the part 'transformer' is missing; add it"),
                edit(index, n -> n.remove("scheduler"), "the part 'scheduler' is missing; add it"),
                edit(index, n -> n.put("vae", "x"), "expected 'vae' to be a pair [library, class], received \"x\""),
                edit(
                        index,
                        n -> n.put("vea", "x").put("b", 1),
                        "the keys [b, vea] are unknown; correct their spelling"),
                edit(index, n -> n.put("id2label", 1), "expected 'id2label' to be an object of indices and names"),
                edit(
                        index,
                        n -> n.putObject("id2label").put("3", "x"),
                        "expected 'id2label' to give names to indices from 0 to 2, received '3': \"x\""),
                edit(index, n -> n.putObject("id2label").put("-1", "x"), "received '-1'"),
                edit(index, n -> n.putObject("id2label").put("1", 5), "received '1': 5"),
                edit(
                        transformer,
                        n -> n.put("_class_name", "Transformer2DModel"),
                        "expected _class_name DiT or MDT or EMD3C or MaskDiT, received 'Transformer2DModel'; convert the model first"),
                edit(
                        transformer,
                        n -> n.remove(List.of("depth", "num_heads")),
                        "the keys [depth, num_heads] are missing; add them"),
                edit(transformer, n -> n.put("dept", 1), "the keys [dept] are unknown"),
                edit(transformer, n -> n.put("depth", "4"), "expected 'depth' to be int, received \"4\"; correct it"),
                edit(transformer, n -> n.put("depth", 4.5), "expected 'depth' to be int, received 4.5"),
                edit(transformer, n -> n.putNull("depth"), "expected 'depth' to be int, received null"),
                edit(transformer, n -> n.put("learn_sigma", 1), "expected 'learn_sigma' to be boolean, received 1"),
                edit(transformer, n -> n.put("hidden_size", 10), "MDT: hidden_size must be a multiple of 4"),
                edit(transformer, n -> n.put("version", 3), "MDT: version must be 1 or 2, got 3; correct it"),
                edit(transformer, n -> n.put("depth", 2_000_000_000), "'depth' is 2000000000, but "),
                edit(transformer, n -> n.put("hidden_size", 1 << 30), "'hidden_size' is 1073741824, but "),
                edit(transformer, n -> n.put("input_size", 1 << 30), "'input_size' is 1073741824, but "),
                edit(transformer, n -> n.put("mlp_ratio", 1e300), "these sizes make no model (integer overflow)"),
                edit(
                        vae,
                        n -> n.put("act_fn", "relu"),
                        "expected 'act_fn' to be \"silu\" (no other is supported), received \"relu\""),
                edit(vae, n -> n.put("out_channels", 4), "expected 'out_channels' to be 3"),
                edit(vae, n -> n.put("use_quant_conv", false), "expected 'use_quant_conv' to be true"),
                edit(
                        vae,
                        n -> n.putArray("down_block_types").add("AttnDownEncoderBlock2D"),
                        "expected 'down_block_types' to be ["),
                edit(vae, n -> n.put("force_upcast", true), "the keys [force_upcast] are unknown"),
                edit(
                        vae,
                        n -> n.putArray("block_out_channels").add(8).addNull(),
                        "expected 'block_out_channels' to be a list of Integer, received [8,null]"),
                edit(vae, n -> n.put("scaling_factor", 0), "AutoencoderKL: scaling_factor must be positive, got 0.0"),
                edit(
                        schedule,
                        n -> n.put("beta_schedule", "scaled_linear"),
                        "expected 'beta_schedule' to be linear or squaredcos_cap_v2, received \"scaled_linear\""),
                edit(
                        schedule,
                        n -> n.put("prediction_type", "v_prediction"),
                        "expected 'prediction_type' to be \"epsilon\""),
                edit(schedule, n -> n.put("clip_sample", true), "expected 'clip_sample' to be false"),
                edit(schedule, n -> n.put("num_train_timesteps", 0), "schedule: num_train_timesteps must be positive"),
                edit(schedule, n -> n.put("beta_end", 1e-5), "schedule: beta_end must be from beta_start to 1"));
    }

    @ParameterizedTest
    @MethodSource("badConfigs")
    void aBadConfigIsRefused(String file, Consumer<ObjectNode> change, String message) throws IOException {
        Path path = whole.resolve(file);
        byte[] good = Files.readAllBytes(path);
        try {
            ObjectNode node = Json.readObject(path);
            change.accept(node);
            Files.writeString(path, node.toString());
            assertRefused(whole, path + ": ", message);
        } finally {
            Files.write(path, good);
        }
    }

    private void assertRefused(String start, String message) {
        assertRefused(folder, start, message);
    }

    private static void assertRefused(Path folder, String start, String message) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> ModelFolder.open(folder));
        assertEquals(ExitCode.FAILURE, e.code(), e.getMessage());
        assertTrue(e.getMessage().startsWith(start), e.getMessage());
        assertTrue(e.getMessage().contains(message), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }

    @Test
    void missingAndBrokenFilesAreNamed() throws IOException {
        assertRefused(
                folder.resolve("model_index.json") + ": ", "cannot be read: there is no such file; check the path");
        for (String file : List.of(
                "model_index.json", "transformer/config.json", "vae/config.json", "scheduler/scheduler_config.json")) {
            write(DIT);
            Path path = folder.resolve(file);
            Files.writeString(path, "{\n  \"a\": }");
            assertRefused(path + ": ", "is not valid JSON: Unexpected character");
            assertRefused(path + ": ", "(line 2, column ");
            Files.writeString(path, "");
            assertRefused(path + ": ", "expected a JSON object, found nothing");
            Files.delete(path);
            assertRefused(path + ": ", "cannot be read: there is no such file");
        }
        write(DIT);
        Files.delete(folder.resolve("vae").resolve(WEIGHTS));
        assertRefused(folder.resolve("vae") + ": ", "expected " + WEIGHTS + " or ");
    }

    @Test
    void weightsOfAnotherModelAreListed() {
        write(MDT);
        Map<String, Shape> shapes = new LinkedHashMap<>(WeightCheck.wanted(MDT));
        shapes.remove("mask_token");
        shapes.remove("pos_embed");
        shapes.put("ema.decay", Shape.of(1));
        shapes.put("x_embedder.proj.bias", Shape.of(9));
        Path file = folder.resolve("transformer").resolve(WEIGHTS);
        SafeTensors.write(file, random(shapes, 1), DType.F32, Map.of());
        assertRefused(
                file + ": these are not the weights of this model: ",
                "2 missing: pos_embed, mask_token; 1 extra: ema.decay; 1 misshapen: x_embedder.proj.bias (expected [8], received [9])");
    }

    @Test
    void weightsOfAnotherModelAreNotWritten() {
        ModelFolder.Contents wrong =
                new ModelFolder.Contents(MDT, random(WeightCheck.wanted(DIT), 1), ScheduleConfig.linear(), Map.of());
        MaskRtException e = assertThrows(MaskRtException.class, () -> ModelFolder.write(folder, wrong, DType.F32));
        assertTrue(e.getMessage().startsWith("random weights: these are not the weights"), e.getMessage());
        assertFalse(Files.exists(folder.resolve("transformer")));
    }

    @Test
    void theAutoencoderMustFitTheTransformer() {
        AutoencoderKl other = new AutoencoderKl(new AutoencoderKlConfig(3, 8, List.of(8), 1, 4, 1, 8));
        ModelFolder.write(folder, contents(DIT), other, random(WeightCheck.wanted(other), 2), DType.F32);
        assertRefused(
                folder.resolve("vae") + ": ",
                "expected an autoencoder with the 4 latent channels of the transformer, found 8; use the autoencoder that");
    }

    @Test
    void notANumberInTheWeightsIsFound() {
        write(DIT);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        Weights weights = random(WeightCheck.wanted(DIT), 1);
        weights.keys().forEach(key -> tensors.put(key, weights.tensor(key)));
        tensors.get("pos_embed").values()[3] = Float.NaN;
        Path file = folder.resolve("transformer").resolve(WEIGHTS);
        SafeTensors.write(file, tensors, DType.BF16);
        try (ModelFolder read = ModelFolder.open(folder)) {
            MaskRtException e = assertThrows(MaskRtException.class, read::requireFinite);
            assertEquals(ExitCode.NOT_FINITE, e.code());
            assertTrue(e.getMessage().startsWith(file + ": 'pos_embed' has 1 values that are NaN"), e.getMessage());
        }
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a privilege there")
    void linksMayNotLeadOut() throws IOException {
        write(DIT);
        Path outside = Files.createTempDirectory("outside");
        try {
            for (String part :
                    List.of("transformer", "vae", "scheduler", "vae/config.json", "transformer/" + WEIGHTS)) {
                Path path = folder.resolve(part);
                Path moved = outside.resolve("moved");
                Files.move(path, moved);
                Files.createSymbolicLink(path, moved);
                assertRefused(path + ": ", "expected a file in its folder, found a link to outside");
                Files.delete(path);
                Files.move(moved, path);
            }
            ModelFolder.open(folder).close();
        } finally {
            Files.delete(outside);
        }
    }

    /** What the published code saved, buffers included, is what the models ask for. */
    @ParameterizedTest
    @MethodSource("publishedModels")
    void publishedWeightsAreComplete(String name, Denoiser model) {
        try (SafeTensors weights = SafeTensors.open(resource("/reference/" + name + "/weights.safetensors"))) {
            WeightCheck check = WeightCheck.compare(WeightCheck.wanted(model), weights);
            assertEquals("complete", check.summary());
        }
    }

    static Stream<Arguments> publishedModels() {
        return Stream.of(
                Arguments.of("dit", new Dit(new DitConfig(8, 2, 4, 64, 6, 4, 4, 10, true))),
                Arguments.of("mdtv1", new Mdt(new MdtConfig(1, 8, 2, 4, 64, 6, 4, 4, 10, 2, 0.3, true))),
                Arguments.of("mdtv2", new Mdt(new MdtConfig(2, 8, 2, 4, 64, 6, 4, 4, 10, 2, 0.3, true))));
    }

    private Path resource(String name) {
        try (var in = ModelFolderTest.class.getResourceAsStream(name)) {
            Path copy = folder.resolve("copy.safetensors");
            Files.copy(in, copy);
            return copy;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

package org.maskrt.models.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.Presets;
import org.maskrt.models.convert.Recognition.Part;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.maskdit.MaskDitConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.ModelPrograms;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.reference.ReferenceCase;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ForeignNames;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.TorchFile;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/** Checkpoints that PyTorch and diffusers wrote ({@code tests/record/checkpoints.py}), and ones with the shapes of every model. */
class CheckpointTest {
    private static final Path FILES = Path.of("src/test/resources/checkpoints");
    private static final Dit DIT = new Dit(new DitConfig(4, 2, 4, 16, 2, 2, 4, 3, true));
    private static final Recognition.Hints TWO_HEADS = new Recognition.Hints(OptionalInt.of(2), OptionalInt.empty());

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"dit.pt", "dit_trainer.pt", "dit.safetensors"})
    void theSameWeightsInEachFile(String name) {
        try (Checkpoint read = Checkpoint.open(FILES.resolve(name), null, TWO_HEADS);
                SafeTensors expected = SafeTensors.open(FILES.resolve("dit.safetensors"))) {
            assertEquals(DIT, read.recognition().denoiser());
            assertEquals(expected.keys(), read.weights().keys());
            for (String key : expected.keys()) {
                assertArrayEquals(
                        expected.tensor(key).values(),
                        read.weights().tensor(key).values(),
                        key);
            }
        }
    }

    @Test
    void halvesAreRounded() {
        try (Checkpoint read = Checkpoint.open(FILES.resolve("dit_half.pt"), null, TWO_HEADS);
                SafeTensors expected = SafeTensors.open(FILES.resolve("dit.safetensors"))) {
            for (String key : expected.keys()) {
                float[] rounded = expected.tensor(key).values();
                for (int i = 0; i < rounded.length; i++) {
                    rounded[i] = DType.halfToFloat(DType.floatToHalf(rounded[i]));
                }
                assertEquals(DType.F16, read.weights().dtype(key), key);
                assertArrayEquals(rounded, read.weights().tensor(key).values(), key);
            }
        }
    }

    @Test
    void aPartCanBeNamed() {
        try (Checkpoint read = Checkpoint.open(FILES.resolve("dit_trainer.pt"), "model", TWO_HEADS);
                SafeTensors averaged = SafeTensors.open(FILES.resolve("dit.safetensors"))) {
            float[] plain = read.weights().tensor("pos_embed").values();
            float[] ema = averaged.tensor("pos_embed").values();
            for (int i = 0; i < plain.length; i++) {
                assertEquals(ema[i] + 1, plain[i], 1e-6);
            }
        }
        MaskRtException e = assertThrows(
                MaskRtException.class, () -> Checkpoint.open(FILES.resolve("dit_trainer.pt"), "emma", TWO_HEADS));
        assertEquals(ExitCode.USAGE, e.code());
        assertTrue(e.getMessage().contains("expected a part 'emma' with tensors, found [model, ema]"), e.getMessage());
    }

    @Test
    void diffusersDitGivesItsOwnNumbers() {
        try (Checkpoint read = Checkpoint.open(FILES.resolve("diffusers"), null, Recognition.Hints.NONE);
                SafeTensors io = SafeTensors.open(FILES.resolve("diffusers/io.safetensors"));
                Interpreter interpreter = Interpreter.reference()) {
            assertEquals(DIT, read.recognition().denoiser());
            Tensor out = interpreter.run(
                    ModelPrograms.forward(DIT),
                    read.weights(),
                    List.of(io.tensor("x"), ReferenceCase.floats(io.tensor("t")), io.tensor("y")));
            Parity parity = Parity.of("out", io.tensor("out"), out, Parity.FORWARD);
            assertTrue(parity.passed(), parity::toString);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"DiT-S/2", "DiT-B/4", "MDT-S/2", "MDTv2-S/2", "MaskDiT-S/2", "emd3c-512", "emd3c-small"})
    void everyFamilyIsRecognisedByItsShapes(String preset) {
        Denoiser model = Presets.of(preset, 16);
        Weights weights =
                Weights.lazy("weights", WeightCheck.wanted(model), (path, shape) -> Tensor.zeros(shape.dims()));
        assertEquals(model, Recognition.of(weights, Recognition.Hints.NONE).denoiser());
    }

    static Stream<String> imageEncoders() {
        return DinoV2Config.presets().keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("imageEncoders")
    void everyImageEncoderIsRecognisedByItsShapes(String preset) {
        DinoV2 model = new DinoV2(DinoV2Config.presets().get(preset));
        Recognition found = Recognition.of(zeros(WeightCheck.wanted(model)), Recognition.Hints.NONE);
        assertEquals(new Part.ImageEncoder(model), found.part());
        assertEquals(1, found.assumptions().size());
        assertTrue(found.assumptions().get(0).startsWith("positions are interpolated with "), preset);
        MaskRtException e = assertThrows(MaskRtException.class, found::denoiser);
        assertTrue(e.getMessage().startsWith("expected the weights of a denoiser, found those of ImageEncoder["));
    }

    /** A {@code .pth} with the mask token of training, which features do not need. */
    @Test
    void theAuthorsDinoV2IsRead() {
        try (Checkpoint read = Checkpoint.open(FILES.resolve("dinov2.pth"), null, TWO_HEADS)) {
            assertEquals(
                    new Part.ImageEncoder(new DinoV2(
                            new DinoV2Config(8, 4, 3, 8, 1, 2, 4, false, 0, false, DinoV2Config.PUBLISHED_OFFSET))),
                    read.recognition().part());
            assertFalse(read.weights().keys().contains("mask_token"));
        }
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> Checkpoint.open(FILES.resolve("dinov2.pth"), null, Recognition.Hints.NONE));
        assertTrue(e.getMessage()
                .endsWith("of a model of width 8 does not follow from its weights; name it with --heads"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"dinov2_registers", "dinov2_swiglu"})
    void aFolderOfTransformersIsRead(String name) {
        Path recorded = Path.of("src/test/resources/reference").resolve(name);
        try (Checkpoint read = Checkpoint.open(recorded, null, Recognition.Hints.NONE);
                ReferenceCase c = ReferenceCase.open(recorded)) {
            DinoV2Config expected = c.model(DinoV2.class).config();
            DinoV2Config found =
                    ((Part.ImageEncoder) read.recognition().part()).model().config();
            assertEquals(
                    expected.numRegisterTokens() > 0 ? 0 : DinoV2Config.PUBLISHED_OFFSET, found.interpolateOffset());
            assertEquals(expected.interpolateAntialias(), found.interpolateAntialias());
            assertEquals(WeightCheck.wanted(new DinoV2(expected)), WeightCheck.wanted(new DinoV2(found)));
            assertEquals(expected.numAttentionHeads(), found.numAttentionHeads());
            assertTrue(read.recognition().assumptions().get(0).contains("are ignored"));
        }
    }

    /** {@code compvis_vae.ckpt} has the same parts as the recorded case, losses and averages of training beside them. */
    @Test
    void anAutoencoderOfCompVisIsRead() {
        try (TorchFile file = TorchFile.open(FILES.resolve("compvis_vae.ckpt"));
                ReferenceCase c = ReferenceCase.open(Path.of("src/test/resources/reference/autoencoder_compvis"))) {
            Weights named = Recognition.named(file.part("state_dict"));
            assertEquals(c.weights().keys(), named.keys());
            for (String key : named.keys()) {
                assertEquals(c.weights().shape(key), named.shape(key), key);
                assertArrayEquals(
                        c.weights().tensor(key).values(), named.tensor(key).values(), key);
            }
        }
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> Checkpoint.open(FILES.resolve("compvis_vae.ckpt"), null, Recognition.Hints.NONE));
        assertTrue(
                e.getMessage()
                        .contains(
                                "expected an autoencoder of widths that are multiples of 32, as published, found [4, 8, 8]"),
                e.getMessage());
    }

    @Test
    void thePublishedAutoencoderIsRecognisedByItsShapes() {
        AutoencoderKl model = new AutoencoderKl(AutoencoderKlConfig.sdVae());
        Recognition found = Recognition.of(zeros(WeightCheck.wanted(model)), Recognition.Hints.NONE);
        assertEquals(new Part.Vae(model), found.part());
        assertEquals(
                List.of("32 groups in each GroupNorm, scaling_factor 0.18215 and sample_size 256, as published"),
                found.assumptions());
    }

    /** What is half of a name that is known is listed as it is. */
    @Test
    void piecesThatDoNotFitTogetherAreListed() {
        DinoV2 model = new DinoV2(new DinoV2Config(8, 4, 3, 8, 1, 2, 4, false, 0, false, 0.1));
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        WeightCheck.wanted(model).forEach((key, shape) -> tensors.put(key, Tensor.zeros(shape.dims())));
        tensors.put("embeddings.cls_token", Tensor.zeros(1, 1, 8));
        tensors.put("encoder.layer.0.attention.q_proj.bias", Tensor.zeros(8));
        tensors.put("encoder.layer.0.attention.k_proj.bias", Tensor.zeros(2, 8));
        tensors.put("encoder.layer.0.attention.value", Tensor.zeros());
        tensors.remove("cls_token");
        Weights named = ForeignNames.imageEncoder(Weights.of("pieces", tensors));
        WeightCheck check = WeightCheck.compare(WeightCheck.wanted(model), named);
        assertEquals(List.of(), check.missing());
        assertEquals(
                List.of(
                        "encoder.layer.0.attention.k_proj.bias",
                        "encoder.layer.0.attention.q_proj.bias",
                        "blocks.0.attention.value"),
                check.extra());
    }

    private static Weights zeros(Map<String, Shape> shapes) {
        return Weights.lazy("weights", shapes, (path, shape) -> Tensor.zeros(shape.dims()));
    }

    @Test
    void whatWeightsDoNotSayIsSaid() {
        Mdt mdt = new Mdt(new MdtConfig(1, 8, 2, 4, 64, 6, 4, 4, 10, 3, 0.3, true));
        Weights weights = zeros(mdt);
        Recognition assumed = Recognition.of(weights, Recognition.Hints.NONE);
        assertEquals(
                List.of(
                        "decode_layer 2, as published (--decode-layer)",
                        "mask_ratio 0.3, as published; only training uses it"),
                assumed.assumptions());
        Recognition told = Recognition.of(weights, new Recognition.Hints(OptionalInt.empty(), OptionalInt.of(3)));
        assertEquals(mdt, told.denoiser());

        Dit odd = new Dit(new DitConfig(8, 2, 4, 80, 2, 5, 4, 10, true));
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> Recognition.of(zeros(odd), Recognition.Hints.NONE));
        assertTrue(e.getMessage().endsWith("name it with --heads"), e.getMessage());

        MaskDit small = new MaskDit(new MaskDitConfig(8, 2, 4, 64, 2, 1, 4, 10, 128, 2, 2, 0.5));
        Recognition maskDit = Recognition.of(zeros(small), Recognition.Hints.NONE);
        assertEquals(small, maskDit.denoiser());
        assertEquals(3, maskDit.assumptions().size());
    }

    @Test
    void aPrefixOfParallelTrainingIsTakenOff() {
        Random random = new Random(3);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        WeightCheck.wanted(DIT).forEach((key, shape) -> tensors.put("module." + key, random(random, shape)));
        Path file = folder.resolve("parallel.safetensors");
        SafeTensors.write(file, tensors, DType.F32);
        try (Checkpoint read = Checkpoint.open(file, null, TWO_HEADS)) {
            assertEquals(DIT, read.recognition().denoiser());
            tensors.forEach((key, tensor) -> assertArrayEquals(
                    tensor.values(),
                    read.weights().tensor(key.substring("module.".length())).values()));
        }
    }

    @Test
    void allThatDiffersIsListed() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        WeightCheck.wanted(DIT).forEach((key, shape) -> tensors.put(key, Tensor.zeros(shape.dims())));
        tensors.remove("blocks.1.mlp.fc1.bias");
        tensors.remove("t_embedder.mlp.2.bias");
        tensors.put("blocks.0.attn.proj.bias", Tensor.zeros(7));
        tensors.put("surprise", Tensor.zeros(1));
        Path file = folder.resolve("damaged.safetensors");
        SafeTensors.write(file, tensors, DType.F32);
        MaskRtException e = assertThrows(MaskRtException.class, () -> Checkpoint.open(file, null, TWO_HEADS));
        for (String part : List.of(
                "2 missing: ",
                "blocks.1.mlp.fc1.bias",
                "t_embedder.mlp.2.bias",
                "1 extra: surprise",
                "1 misshapen: blocks.0.attn.proj.bias (expected [16], received [7])")) {
            assertTrue(e.getMessage().contains(part), e.getMessage());
        }
    }

    @Test
    void otherWeightsAreNotAModel() {
        Path file = folder.resolve("other.safetensors");
        SafeTensors.write(file, Map.of("conv.weight", Tensor.zeros(3)), DType.F32);
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> Checkpoint.open(file, null, Recognition.Hints.NONE));
        assertTrue(
                e.getMessage().contains("expected the weights of a DiT, MDT, E-MD3C or MaskDiT")
                        && e.getMessage().contains("found 1 tensors such as [conv.weight]"),
                e.getMessage());
    }

    private static Weights zeros(Denoiser model) {
        return Weights.lazy("weights", WeightCheck.wanted(model), (path, shape) -> Tensor.zeros(shape.dims()));
    }

    private static Tensor random(Random random, Shape shape) {
        float[] values = new float[shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Tensor.of(values, shape);
    }
}

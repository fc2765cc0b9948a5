package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.trainer.DenoiserTraining.Sizes;
import org.maskrt.trainer.MaskSchedule.Unmasking;

class TrainConfigTest {
    private static final String OPTIMIZER =
            "optimizer: {learning_rate: 0.001, warmup_steps: 2, cosine: true, weight_decay: 0, clip_norm: 1, ema_decay: 0.99}";
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
              OPT
            transformer:
              model: {family: mdt-v2, patch_size: 2, hidden_size: 16, depth: 4, num_heads: 2, mlp_ratio: 4, decode_layer: 2, mask_ratio: 0.3}
              steps: 6
              batch: 4
              label_drop: 0.1
              precision: fp32
              OPT
              preview: {steps: 2, guidance: 2, columns: 1}
            pace: {checkpoint: 2, preview: 6}
            """.replace("OPT", OPTIMIZER);

    @Test
    void writtenAndReadAgain() {
        TrainConfig config = TrainConfig.parse("a.yaml", CONFIG);
        assertEquals(config, TrainConfig.parse("b.yaml", config.yaml()));
        assertTrue(
                config.yaml().contains("family: \"mdt-v2\"\n") && !config.yaml().contains("!<"), config.yaml());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    seed: 3         | sead: 3                | seed
                    batch: 4        | batch: four            | four
                    batch: 4        | batch: 4.5             | batch
                    edge_weight: 1  |                        | edge_weight
                    seed: 3         | seed: 3\\nseed: 4      | seed
                    precision: fp32 | precision: fp8         | fp8
                    hidden_size: 16 | hidden_size: 16, x: 1  | x
                    pace:           | pace: [                | line
                    """)
    void mistakesAreNamed(String right, String wrong, String named) {
        String yaml = CONFIG.replaceFirst(right, wrong == null ? "" : wrong.replace("\\n", "\n"));
        MaskRtException e = assertThrows(MaskRtException.class, () -> TrainConfig.parse("my.yaml", yaml));
        assertEquals(ExitCode.USAGE, e.code());
        assertTrue(e.getMessage().startsWith("my.yaml: expected a training configuration, received"), e.getMessage());
        assertTrue(e.getMessage().contains(named) && !e.getMessage().contains("\n"), e.getMessage());
    }

    @Test
    void whatIsLeftOutIsAtItsDefault() {
        TrainConfig config = TrainConfig.parse("a.yaml", CONFIG);
        assertEquals(1, config.autoencoder().accumulate());
        assertEquals(Timesteps.UNIFORM, config.transformer().timesteps());
        Sizes sizes = (Sizes) config.transformer().model();
        assertEquals(new MdtTraining(0.2, 1, Unmasking.NONE, 0, 0), sizes.masking());
        Sizes first = (Sizes) TrainConfig.parse("a.yaml", CONFIG.replace("mdt-v2", "mdt-v1"))
                .transformer()
                .model();
        assertEquals(0, first.masking().maskRange());
        for (String key : List.of("accumulate", "timesteps", "masking")) {
            assertFalse(config.yaml().contains(key), config.yaml());
        }
        String chosen = CONFIG.replace("mask_ratio: 0.3", "mask_ratio: 0.3, masking: {mask_range: 0.1}")
                .replace("seed: 3", "seed: 4")
                .replace("ema_decay: 0.99", "ema_decay: [0.99, 0.9]");
        TrainConfig other = TrainConfig.parse("a.yaml", chosen);
        assertEquals(List.of(0.99, 0.9), other.transformer().optimizer().emaDecay());
        assertTrue(other.yaml().contains("mask_range: 0.1"), other.yaml());
        assertEquals(other, TrainConfig.parse("b.yaml", other.yaml()));
    }

    /** The table has a row for each component of each record, or this throws; and no other. */
    @Test
    void everyKeyIsExplained() {
        String text = TrainConfig.explain();
        assertEquals(List.of(), TrainKeys.unused());
        List<String> heads = text.lines().filter(line -> !line.startsWith(" ")).toList();
        assertEquals(2L * heads.size(), text.lines().count());
        for (String line : List.of(
                "seed: whole number, required",
                "data.mirror: true | false, required  [shapes, or a folder]",
                "data.folder: text, required  [pairs]",
                "data.images: whole number, required  [scenes]",
                "transformer.model.sources: list of maps, required  [emd3c]",
                "transformer.model.sources[].kind: latent | feature, required  [emd3c]",
                "transformer.model.sources[].image_size: whole number, default 224  [emd3c]",
                "autoencoder.model.block_out_channels: list of whole numbers, required",
                "autoencoder.precision: fp32 | bf16, required",
                "autoencoder.optimizer.ema_decay: number, or a list of them, required",
                "transformer.accumulate: whole number, default 1",
                "transformer.timesteps: uniform | loss-aware, default uniform",
                "transformer.model.masking.mask_range: number, default 0.2 for mdt-v2, 0 for others  [dit, mdt-v1, mdt-v2]",
                "transformer.model.mask_ratio: number, required  [emd3c]",
                "transformer.model.masking.mask_range: number, default 0.0  [maskdit]",
                "transformer.model.masking.unmasking: none | zero | cosine, required  [maskdit]")) {
            assertTrue(heads.contains(line), () -> line + " in\n" + text);
        }
    }

    @Test
    void theDocumentationShowsWhatExplainPrints() throws IOException {
        assertTrue(
                Files.readString(Path.of("../docs/training.md")).contains("```\n" + TrainConfig.explain() + "```\n"),
                () -> "docs/training.md needs this text:\n" + TrainConfig.explain());
    }

    /** Checkpoints hold the configuration as text: that of a file without newer keys is as it always was. */
    @Test
    void theShippedConfigurationIsWrittenAsItIs() throws IOException {
        Path file = Path.of("../models/demo/shapes/training/config.yaml");
        assertEquals(Files.readString(file), TrainConfig.read(file).yaml());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    ema_decay: 0.99 | ema_decay: []       | optimizer: ema_decay must be a number in [0, 1) or a list of different ones, got []
                    ema_decay: 0.99 | ema_decay: [1.0]    | optimizer: ema_decay must be a number in [0, 1) or a list of different ones, got [1.0]
                    label_drop: 0.1 | label_drop: 2       | transformer: label_drop must be in [0, 1], got 2.0
                    label_drop: 0.1 | label_drop: 0.1\\n  accumulate: 5 | transformer: accumulate must be in [1, batch 4], got 5
                    precision: fp32 | precision: fp32\\n  accumulate: 0 | autoencoder: accumulate must be in [1, batch 4], got 0
                    """)
    void valuesOutOfRangeAreNamed(String right, String wrong, String message) {
        String yaml = CONFIG.replaceFirst(right, wrong.replace("\\n", "\n"));
        MaskRtException e = assertThrows(MaskRtException.class, () -> TrainConfig.parse("my.yaml", yaml));
        assertEquals("my.yaml: " + message, e.getMessage());
        assertEquals(ExitCode.USAGE, e.code());
    }

    @Test
    void anEmptyFileIsRefused() {
        MaskRtException e = assertThrows(MaskRtException.class, () -> TrainConfig.parse("my.yaml", ""));
        assertEquals(
                "my.yaml: expected a training configuration, received no keys; 'maskrt train --explain' lists them",
                e.getMessage());
    }

    @Test
    void pairsAreForAnEmd3cAlone() {
        String emd3c =
                "{family: emd3c, patch_size: 2, hidden_size: 16, depth: 4, num_heads: 2, mlp_ratio: 4, decode_layer: 2,"
                        + " mask_ratio: 0.3, sources: [{name: lsif, kind: latent}]}";
        String pairs = "data: {source: pairs, folder: somewhere, size: 16}";
        String model = CONFIG.replaceFirst("\\{family: mdt-v2[^}]*\\}", emd3c);
        String data = CONFIG.replaceFirst("data: .*", pairs);
        assertEquals(
                "a.yaml: data: source must be pairs or scenes for the family emd3c, got pictures",
                assertThrows(MaskRtException.class, () -> TrainConfig.parse("a.yaml", model))
                        .getMessage());
        assertEquals(
                "a.yaml: data: source must be shapes or a folder of pictures for families other than emd3c, got pairs",
                assertThrows(MaskRtException.class, () -> TrainConfig.parse("a.yaml", data))
                        .getMessage());
        TrainConfig both = TrainConfig.parse("a.yaml", model.replaceFirst("data: .*", pairs));
        assertEquals(both, TrainConfig.parse("b.yaml", both.yaml()));
        assertFalse(both.yaml().contains("image_size"), both.yaml());
        for (String source : List.of("{name: gsif, kind: feature}", "{name: lsif, kind: latent, encoder: there}")) {
            String yaml = both.yaml().replace("sources:\n", "sources:\n    - " + source + "\n");
            assertTrue(
                    assertThrows(MaskRtException.class, () -> TrainConfig.parse("a.yaml", yaml))
                            .getMessage()
                            .startsWith("a.yaml: transformer.model.sources: encoder of "),
                    yaml);
        }
    }

    @Test
    void unknownFamilyIsNamed() {
        TrainConfig config = TrainConfig.parse("a.yaml", CONFIG.replace("mdt-v2", "mdt-v3"));
        MaskRtException e = assertThrows(
                MaskRtException.class, () -> config.transformer().model().of(8, 4, 10));
        assertEquals(
                "transformer.model.family must be dit, mdt-v1, mdt-v2, maskdit or emd3c, got 'mdt-v3'", e.getMessage());
    }

    @Test
    void missingFileIsNamed() {
        MaskRtException e = assertThrows(MaskRtException.class, () -> TrainConfig.read(Path.of("no/such.yaml")));
        assertTrue(e.getMessage().startsWith("no/such.yaml: expected a training configuration"), e.getMessage());
    }
}

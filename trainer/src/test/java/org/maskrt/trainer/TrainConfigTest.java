package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

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
    void unknownFamilyIsNamed() {
        TrainConfig config = TrainConfig.parse("a.yaml", CONFIG.replace("mdt-v2", "mdt-v3"));
        MaskRtException e = assertThrows(
                MaskRtException.class, () -> config.transformer().model().of(8, 4, 10));
        assertEquals("transformer.model.family must be dit, mdt-v1, mdt-v2 or maskdit, got 'mdt-v3'", e.getMessage());
    }

    @Test
    void missingFileIsNamed() {
        MaskRtException e = assertThrows(MaskRtException.class, () -> TrainConfig.read(Path.of("no/such.yaml")));
        assertTrue(e.getMessage().startsWith("no/such.yaml: expected a training configuration"), e.getMessage());
    }
}

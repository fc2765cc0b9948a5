package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.cli.Main;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;
import org.maskrt.trainer.TrainConfig;

class TrainCommandTest {
    private static final String CONFIG = """
            seed: 3
            data: {source: scenes, images: 8, size: 16}
            autoencoder:
              model: {in_channels: 3, latent_channels: 4, block_out_channels: [8, 8], layers_per_block: 1,
                      norm_num_groups: 4, scaling_factor: 1, sample_size: 16}
              steps: 2
              batch: 4
              edge_weight: 1
              precision: fp32
              kl_weight: 1.0e-4
              optimizer: {learning_rate: 0.001, warmup_steps: 0, cosine: true, weight_decay: 0, clip_norm: 1, ema_decay: 0.9}
            transformer:
              model: {family: emd3c, patch_size: 2, hidden_size: 16, depth: 3, num_heads: 2, mlp_ratio: 2, decode_layer: 1,
                      mask_ratio: 0.3, sources: [{name: tbf, kind: feature, encoder: ENCODER, image_size: 8}]}
              steps: 2
              batch: 4
              label_drop: 0.1
              precision: fp32
              optimizer: {learning_rate: 0.001, warmup_steps: 0, cosine: true, weight_decay: 0, clip_norm: 1, ema_decay: 0.9}
              preview: {steps: 2, guidance: 2, columns: 2}
            pace: {checkpoint: 2, preview: 2}
            """;

    @TempDir
    private Path temp;

    private final StringWriter out = new StringWriter();

    private void run(String... args) {
        StringWriter err = new StringWriter();
        int exit = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
        assertEquals(0, exit, err::toString);
    }

    @Test
    void explainPrintsEveryKey() {
        run("train", "--explain");
        assertEquals(TrainConfig.explain(), out.toString());
    }

    @Test
    void anotherTypeOfWeightsKeepsTheImageEncoder() throws IOException {
        DinoV2 model = new DinoV2(new DinoV2Config(8, 4, 3, 4, 1, 2, 2, false, 0, false, 0.1));
        Map<String, Tensor> weights = new LinkedHashMap<>();
        WeightCheck.wanted(model)
                .forEach((path, shape) -> weights.put(path, Tensor.of(new float[shape.size()], shape)));
        Path encoder = temp.resolve("encoder");
        Component.writeImageEncoder(encoder, model, Weights.of("a tiny encoder", weights), DType.F32);
        Path config = temp.resolve("run.yaml");
        Files.writeString(config, CONFIG.replace("ENCODER", encoder.toString()));
        Path folder = temp.resolve("model");
        run("train", config.toString(), "-o", folder.toString(), "--dtype", "F16", "--devices", "cpu,cpu");
        assertTrue(
                out.toString().matches("(?s).*trained in \\d+\\.\\d min, data waited \\d+\\.\\d %; next: .*"),
                out::toString);
        try (ModelFolder trained = ModelFolder.open(folder)) {
            assertEquals(1, trained.imageEncoders().size());
            for (Weights each : new Weights[] {
                trained.transformerWeights(),
                trained.vaeWeights(),
                trained.imageEncoders().get("image_encoder").weights()
            }) {
                assertEquals(DType.F16, each.dtype(each.keys().iterator().next()), each.origin());
            }
        }
    }
}

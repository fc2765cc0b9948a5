package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.weights.Component;

class EncoderRunTest {
    private static final String CONFIG = """
            seed: 3
            data:
              source: "scenes"
              images: 100
              size: 32
            image_encoder:
              model:
                image_size: 28
                patch_size: 14
                hidden_size: 16
                num_hidden_layers: 1
                num_attention_heads: 2
              steps: 4
              batch: 4
              temperature: 0.1
              precision: "fp32"
              optimizer:
                learning_rate: 0.001
                warmup_steps: 1
                cosine: true
                weight_decay: 0.0
                clip_norm: 1.0
                ema_decay: 0.9
            pace:
              checkpoint: 2
              preview: 100
            """;

    @TempDir
    Path folder;

    private Map<String, float[]> run(String name, int stopAfter) {
        Path out = folder.resolve(name);
        AtomicInteger asked = new AtomicInteger();
        EncoderConfig config = EncoderConfig.parse("test", CONFIG);
        if (stopAfter > 0) {
            MaskRtException stopped = assertThrows(
                    MaskRtException.class,
                    () -> EncoderRun.run(
                            config,
                            out,
                            Devices.cpu(),
                            new TrainListener() {},
                            () -> asked.incrementAndGet() > stopAfter));
            assertEquals(ExitCode.INTERRUPTED, stopped.code());
            assertFalse(Files.exists(out.resolve("config.json")));
        }
        EncoderRun.run(config, out, Devices.cpu(), new TrainListener() {}, () -> false);
        Map<String, float[]> weights = new HashMap<>();
        try (Component<DinoV2> encoder = Component.openImageEncoder(out)) {
            assertEquals(16, encoder.model().config().hiddenSize());
            for (String key : encoder.weights().keys()) {
                weights.put(key, encoder.weights().tensor(key).values());
            }
        }
        return weights;
    }

    @Test
    void aRunThatWasStoppedGivesTheSameEncoder() {
        Map<String, float[]> whole = run("whole", 0);
        Map<String, float[]> resumed = run("resumed", 3);
        assertEquals(whole.keySet(), resumed.keySet());
        whole.forEach((key, values) -> assertArrayEquals(values, resumed.get(key), key));
    }

    @Test
    void theFileSaysThatItIsAnEncoders() throws IOException {
        Path file = Files.writeString(folder.resolve("encoder.yaml"), CONFIG);
        assertTrue(EncoderConfig.isStatedBy(file));
        assertEquals(CONFIG, EncoderConfig.read(file).yaml());
        assertFalse(EncoderConfig.isStatedBy(Path.of("../models/demo/shapes/training/config.yaml")));
        MaskRtException one = assertThrows(
                MaskRtException.class, () -> EncoderConfig.parse("my.yaml", CONFIG.replace("batch: 4", "batch: 1")));
        assertTrue(
                one.getMessage().startsWith("my.yaml: image_encoder: batch must be 2 or more pairs, got 1"),
                one::getMessage);
        MaskRtException shapes = assertThrows(
                MaskRtException.class,
                () -> EncoderConfig.parse(
                        "my.yaml",
                        CONFIG.replace("\"scenes\"", "\"shapes\"")
                                .replace("size: 32", "size: 32\n  classes: 0\n  mirror: false")));
        assertEquals(
                "my.yaml: data: source must be pairs or scenes for an image encoder, got pictures",
                shapes.getMessage());
    }
}

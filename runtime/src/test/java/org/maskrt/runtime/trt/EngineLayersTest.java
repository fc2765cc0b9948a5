package org.maskrt.runtime.trt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.trt.EngineLayers.Fusion;
import org.maskrt.runtime.trt.EngineLayers.Layer;

/** On a list written by hand in the form that TensorRT's documentation gives, not recorded on a GPU. */
class EngineLayersTest {
    @TempDir
    Path folder;

    private static String sample() throws IOException {
        try (InputStream in = EngineLayersTest.class.getResourceAsStream("layers.json")) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void eachBlocksAttentionIsFoundByItsNodes() throws IOException {
        Path plan = folder.resolve("sm90-bf16-b1-2-8.plan");
        Files.writeString(folder.resolve("sm90-bf16-b1-2-8.layers.json"), sample());
        EngineLayers layers = EngineLayers.of(plan);
        assertEquals(7, layers.layers().size());
        assertEquals(
                new Layer(
                        "blocks.0.attn.qkv/MatMul_myl0_1",
                        "gemm",
                        List.of("blocks.0.attn.qkv/MatMul", "blocks.0.attn.qkv/Add_1")),
                layers.layers().get(1));
        assertEquals(
                List.of("blocks.1.attn/Add", "blocks.1.attn/Softmax"),
                layers.layers().get(4).nodes());
        assertEquals(Fusion.FUSED, layers.attention("blocks.0.attn"));
        assertEquals(Fusion.SEPARATE, layers.attention("blocks.1.attn"));
        assertEquals(Fusion.UNKNOWN, layers.attention("blocks.2.attn"), "its kernel names no nodes");
        assertEquals(2, layers.fusedAttentions());
    }

    @Test
    void aListWithoutDetailsIsCounted() {
        EngineLayers layers = EngineLayers.parse(
                "TensorRT",
                "{\"Layers\":[{\"Name\":\"_gemm_mha_v2_myl0_3\",\"Inputs\":[{\"Name\":\"_gemm_mha_v2\"}]},"
                        + "{\"Name\":\"__myl_Add\"},\"x_gemm_mha_v2_y\"],\"Bindings\":[]}");
        assertEquals(2, layers.fusedAttentions());
        assertEquals(Fusion.UNKNOWN, layers.attention("blocks.0.attn"));
    }

    @Test
    void somethingElseIsSaid() {
        assertEquals(
                "TensorRT: expected TensorRT's list of layers as JSON, got 'Layer 0: x'; please report it",
                assertThrows(MaskRtException.class, () -> EngineLayers.parse("TensorRT", "Layer 0:\n x"))
                        .getMessage());
        Path plan = folder.resolve("none.plan");
        Path list = folder.resolve("none.layers.json");
        assertEquals(
                list + ": expected TensorRT's list of layers, it cannot be read: " + list
                        + "; build the engine again with `maskrt build MODEL --rebuild`",
                assertThrows(MaskRtException.class, () -> EngineLayers.of(plan)).getMessage());
    }
}

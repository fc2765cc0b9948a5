package org.maskrt.perf.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.perf.bench.Configuration;

class VariantSpecTest {
    @TempDir
    Path folder;

    private Path model;
    private Path inside;
    private Path outside;

    @BeforeEach
    void folders() throws IOException {
        model = Files.createDirectories(folder.resolve("model"));
        Files.writeString(model.resolve("model_index.json"), "{}");
        inside = graphs(model.resolve("onnx-int8"));
        outside = graphs(folder.resolve("elsewhere"));
    }

    private static Path graphs(Path onnx) throws IOException {
        Path graph = Files.createDirectories(onnx.resolve("denoiser"));
        Files.writeString(graph.resolve("model.onnx"), "");
        return onnx;
    }

    private static VariantSpec parse(String text, @Nullable Path other) {
        return VariantSpec.parse(text, Configuration.DEFAULT, other);
    }

    @Test
    void aModelFolderAndWords() {
        VariantSpec plain = parse(model.toString(), null);
        assertEquals(model, plain.model());
        assertNull(plain.graphs());
        assertEquals(Configuration.DEFAULT, plain.configuration());
        assertTrue(parse(model + ":eager", null).configuration().isEager());
        Configuration both = parse(model + ":fp16, ort-mha", null).configuration();
        assertEquals(GraphStyle.Precision.FP16, both.precision());
        assertEquals(GraphStyle.Attention.ORT_MHA, both.attention());
        assertEquals(
                "ort-cuda", parse(model + ":ort-cuda", null).configuration().backend());
    }

    @Test
    void aFolderOfGraphs() {
        assertEquals(inside, parse(model + ":onnx-int8", null).graphs());
        assertEquals(inside, parse(inside.toString(), null).graphs());
        assertEquals(model, parse(inside.toString(), outside).model());
        assertEquals(model, parse(outside.toString(), model).model());
        assertEquals(model, VariantSpec.modelOf(model + ":fp16"));
        assertEquals(model.toAbsolutePath(), VariantSpec.modelOf(inside.toString()));
        assertNull(VariantSpec.modelOf(outside.toString()));
    }

    /** Static graphs in a folder called int8 would be passed over for dynamic ones that are made for the comparison. */
    @Test
    void aFolderWithTheNameOfAWord() throws IOException {
        Path folder = graphs(model.resolve("int8"));
        refused(
                "expected a word with one meaning, got 'int8', which is also a folder of graphs in " + model
                        + "; name the folder as " + folder + ", or call it something else",
                model + ":int8",
                null);
        assertEquals(folder, parse(folder.toString(), null).graphs());
    }

    @Test
    void mistakes() {
        refused("expected a model folder or a folder of exported graphs, got 'none'", "none", null);
        refused("expected a model folder around these graphs, found none", outside.toString(), null);
        refused("expected one of eager, ort-cpu, ort-cuda, ort-trt, trt, fp32, fp16, bf16, int8", model + ":fp7", null);
        refused("behind the colon, got ''", model + ":", null);
        refused("expected eager alone", inside + ":eager", null);
        refused("expected eager alone", model + ":eager,fp16", null);
        refused("expected trt alone", model + ":trt,onnx-int8", null);
        refused("expected exported graphs as they are", model + ":onnx-int8,fp16", null);
    }

    private static void refused(String message, String text, @Nullable Path other) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> parse(text, other));
        assertEquals(ExitCode.USAGE, e.code());
        assertTrue(e.getMessage().startsWith(text + ": ") && e.getMessage().contains(message), e.getMessage());
    }
}

package org.maskrt.exporter;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.maskrt.exporter.graphs.ModelGraphs;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.layers.Patches;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

class TappedGraphTest {
    private static final Dit DIT = new Dit(new DitConfig(4, 2, 4, 16, 1, 2, 4, 5, false));

    @TempDir
    private Path folder;

    private enum Form {
        DECOMPOSED(GraphStyle.DEFAULT),
        FUSED(GraphStyle.DEFAULT.with(GraphStyle.Attention.ORT_MHA)),
        HALF(GraphStyle.DEFAULT.with(GraphStyle.Precision.FP16)),
        ENGINE(GraphStyle.tensorrt(GraphStyle.Precision.BF16));

        private final GraphStyle style;

        Form(GraphStyle style) {
            this.style = style;
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void layersGiveWhatTheyCompute(Form form) throws IOException {
        Weights weights = Cases.random(WeightCheck.wanted(DIT), 3);
        Cases.export(
                ExportOptions.of(form.style)
                        .withGraphs(Set.of("denoiser"))
                        .withValidation(ExportOptions.Validation.off()),
                EagerJudge.reference(),
                DIT,
                weights,
                folder);
        Path model = folder.resolve("denoiser").resolve(OnnxFile.MODEL);
        List<String> paths = List.of(
                "x_embedder.proj", "blocks.0.attn.qkv", "blocks.0.attn", "blocks.0.mlp.fc1", "final_layer.linear");
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        Random random = new Random(4);
        new ModelGraphs.Body(DIT).inputs().forEach(port -> inputs.put(port.name(), port.random(random, 2, 1)));
        boolean engine = form == Form.ENGINE;
        Map<String, Tensor> plain;
        try (ValidationSession session =
                engine ? ValidationSession.openRounded(model) : ValidationSession.open(model)) {
            plain = session.run(inputs);
        }
        Map<String, Tensor> tapped;
        List<String> asked =
                Stream.concat(paths.stream(), Stream.of("no.such.layer")).toList();
        try (ValidationSession session = engine
                ? ValidationSession.openTappedRounded(model, asked)
                : ValidationSession.openTapped(model, asked)) {
            tapped = session.run(inputs);
        }
        assertEquals(Stream.concat(Stream.of("out_sample"), paths.stream()).toList(), List.copyOf(tapped.keySet()));
        try (Stream<Path> files = Files.list(model.getParent())) {
            assertFalse(files.anyMatch(file -> file.getFileName().toString().startsWith(".")), "a file was left");
        }

        ReferenceOps ops = new ReferenceOps();
        Params<Tensor> p = Params.of(weights.source());
        Tensor embedded = Patches.embed(ops, p.at("x_embedder.proj"), get(inputs, "sample"), 2, 16);
        assertTrue(Parity.of("x_embedder.proj", embedded, get(tapped, "x_embedder.proj"), 1e-5)
                .passed());
        Tensor joined = Patches.join(ops, get(tapped, "final_layer.linear"), 2, 4);
        assertArrayEquals(get(tapped, "out_sample").values(), joined.values());
        double tolerance = form == Form.HALF || engine ? 2e-2 : 1e-5;
        Parity same = Parity.of("out_sample", get(plain, "out_sample"), get(tapped, "out_sample"), tolerance);
        assertTrue(same.passed(), same::toString);
        assertEquals("fp32[2,4,48]", get(tapped, "blocks.0.attn.qkv").toString());
        assertEquals("fp32[2,4,16]", get(tapped, "blocks.0.attn").toString());
        // before the activation, which makes nothing smaller than -0.2
        float least = Float.POSITIVE_INFINITY;
        for (float value : get(tapped, "blocks.0.mlp.fc1").values()) {
            least = Math.min(least, value);
        }
        assertTrue(least < -0.3, "least " + least);
    }

    private static Tensor get(Map<String, Tensor> tensors, String name) {
        Tensor tensor = tensors.get(name);
        assertNotNull(tensor, name);
        return tensor;
    }
}

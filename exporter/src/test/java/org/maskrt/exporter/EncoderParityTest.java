package org.maskrt.exporter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.graphs.ModelGraphs.ImageEncoder;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.CaseChecks;
import org.maskrt.models.reference.ModelPrograms;
import org.maskrt.models.reference.Parity;

/** DINOv2 and AutoencoderKL on ONNX Runtime against recorded numbers, and the exported graph of an image encoder. */
class EncoderParityTest {
    private static final Path CASES = Path.of("../models/src/test/resources/reference");

    @TempDir
    Path folder;

    private static org.maskrt.models.reference.ReferenceCase open(String name) {
        return org.maskrt.models.reference.ReferenceCase.open(CASES.resolve(name));
    }

    @ParameterizedTest
    @EnumSource(Attention.class)
    void recordedNumbers(Attention attention) {
        try (OnnxInterpreter onnx = new OnnxInterpreter(GraphStyle.DEFAULT.with(attention))) {
            for (String name : List.of("dinov2", "dinov2_registers", "dinov2_swiglu")) {
                try (org.maskrt.models.reference.ReferenceCase c = open(name)) {
                    CaseChecks.features(c, onnx).forEach(parity -> assertTrue(parity.passed(), parity::toString));
                }
            }
            for (String name : List.of("autoencoder", "autoencoder_compvis")) {
                try (org.maskrt.models.reference.ReferenceCase c = open(name)) {
                    CaseChecks.autoencoder(c, onnx).forEach(parity -> assertTrue(parity.passed(), parity::toString));
                }
            }
        }
    }

    /** For pictures smaller than those of the trained positions, so that the graph interpolates them. */
    @ParameterizedTest
    @ValueSource(strings = {"dinov2", "dinov2_registers", "dinov2_swiglu"})
    void theGraphGivesClassAndPatchTokens(String name) {
        try (org.maskrt.models.reference.ReferenceCase c = open(name);
                Interpreter reference = Interpreter.reference()) {
            DinoV2 model = c.model(DinoV2.class);
            int patch = model.config().patchSize();
            ExportOptions options = ExportOptions.DEFAULT.withStyle(GraphStyle.DEFAULT.with(Attention.ORT_MHA));
            List<ExportReport> reports = new OnnxExporter(options, EagerJudge.reference(), ExportListener.NONE)
                    .export(new ImageEncoder(model, "image_encoder", 2 * patch), c.weights(), folder);
            assertEquals(1, reports.size());
            assertEquals(
                    Set.of("class_token", "patch_tokens"),
                    reports.get(0).reached().keySet());
            assertTrue(reports.get(0).worst().orElseThrow() <= 1e-5, reports::toString);

            float[] values = new float[3 * 3 * 4 * patch * patch];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) Math.sin(0.7 * i);
            }
            Tensor pixels = Tensor.of(values, 3, 3, 2 * patch, 2 * patch);
            Tensor tokens = reference.run(ModelPrograms.features(model), c.weights(), List.of(pixels));
            try (ValidationSession session =
                    ValidationSession.open(folder.resolve("image_encoder").resolve(OnnxFile.MODEL))) {
                Map<String, Tensor> out = session.run(Map.of("pixels", pixels));
                int d = model.config().hiddenSize();
                assertEquals(Shape.of(3, d), out.get("class_token").shape());
                assertEquals(Shape.of(3, 4, d), out.get("patch_tokens").shape());
                float[] joined = new float[tokens.size()];
                for (int b = 0; b < 3; b++) {
                    System.arraycopy(out.get("class_token").values(), b * d, joined, b * 5 * d, d);
                    System.arraycopy(out.get("patch_tokens").values(), b * 4 * d, joined, (b * 5 + 1) * d, 4 * d);
                }
                Parity parity = Parity.of("tokens", tokens, Tensor.of(joined, tokens.shape()), Parity.FORWARD);
                assertTrue(parity.passed(), parity::toString);
            }
        }
    }
}

package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.exporter.EagerJudge;
import org.maskrt.exporter.ExportListener;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.OnnxExporter;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.reference.ReferenceCase;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Trajectory;

/** Whole sampling runs through exported graphs against those of the published code, after every step. */
class TrajectoryTest {
    private static final Path CASES = Path.of("../models/src/test/resources/reference");

    @TempDir
    static Path folder;

    private static final Map<String, DiffusionPipeline> PIPELINES = new ConcurrentHashMap<>();

    record Run(String name, Attention attention) {}

    static List<Run> runs() {
        List<Run> runs = new ArrayList<>();
        for (Attention attention : Attention.values()) {
            for (String family : List.of("dit", "mdtv1", "mdtv2")) {
                for (String kind : List.of("10_eta0.0", "10_eta0.7", "ddim25_eta0.0")) {
                    runs.add(new Run("ddim_" + family + "_" + kind, attention));
                }
                runs.add(new Run("ddpm_" + family + "_10", attention));
            }
        }
        return runs;
    }

    @ParameterizedTest
    @MethodSource("runs")
    void everyStepIsAsPublished(Run run) {
        try (ReferenceCase recorded = ReferenceCase.open(CASES.resolve(run.name()))) {
            List<float[]> latents = pipeline(recorded, run.attention()).trajectory(Trajectory.of(recorded));
            Tensor expected = recorded.tensor("trajectory");
            assertEquals(expected.dim(0), latents.size());
            double largest = 0;
            for (float v : expected.values()) {
                largest = Math.max(largest, Math.abs(v));
            }
            for (int i = 0; i < latents.size(); i++) {
                Tensor step = expected.rows(i, i + 1);
                Tensor actual = Tensor.of(latents.get(i), step.shape());
                Parity parity = Parity.of(run + " step " + i, step, actual, Parity.ACCUMULATED);
                assertTrue(parity.maxDiff() <= Parity.ACCUMULATED * largest, parity::toString);
            }
        }
    }

    private static DiffusionPipeline pipeline(ReferenceCase recorded, Attention attention) {
        String key = recorded.name().split("_")[1] + "-" + attention;
        return PIPELINES.computeIfAbsent(key, k -> {
            Path model = SampledModel.write(folder.resolve(k), recorded.model(), recorded.weights());
            ExportOptions options = ExportOptions.DEFAULT
                    .withStyle(GraphStyle.DEFAULT.with(attention))
                    .withValidation(ExportOptions.Validation.off());
            new OnnxExporter(options, EagerJudge.reference(), ExportListener.NONE)
                    .export(recorded.model(), recorded.weights(), model.resolve("onnx"));
            return DiffusionPipeline.open(model, PipelineOptions.DEFAULT.withThreads(1));
        });
    }

    @AfterAll
    static void close() {
        PIPELINES.values().forEach(DiffusionPipeline::close);
        PIPELINES.clear();
    }
}

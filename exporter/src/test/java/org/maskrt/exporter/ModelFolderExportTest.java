package org.maskrt.exporter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.Denoiser;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.ScheduleConfig;
import org.maskrt.models.weights.WeightCheck;

class ModelFolderExportTest {
    private static final Denoiser MODEL = new Dit(new DitConfig(4, 2, 4, 48, 1, 3, 2, 2, true));
    private static final ModelFolder.Contents CONTENTS = new ModelFolder.Contents(
            MODEL, Cases.random(WeightCheck.wanted(MODEL), 3), ScheduleConfig.linear(), Map.of());

    @TempDir
    Path folder;

    @Test
    void aFolderGetsEveryGraphAndAReportOfEach() throws IOException {
        AutoencoderKl vae = new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(4, 8), 1, 2, 1, 64));
        ModelFolder.write(folder, CONTENTS, vae, Cases.random(WeightCheck.wanted(vae), 4), DType.F32);
        List<String> heard = new ArrayList<>();
        ExportListener listener = (graph, stage, fraction) -> heard.add(graph + " " + stage.label() + " " + fraction);
        List<ExportReport> reports;
        try (ModelFolder model = ModelFolder.open(folder)) {
            reports = new OnnxExporter(ExportOptions.DEFAULT, EagerJudge.reference(), listener).export(model);
        }

        assertEquals(
                ExportOptions.GRAPHS, reports.stream().map(ExportReport::graph).toList());
        for (ExportReport report : reports) {
            assertEquals(folder.resolve("onnx").resolve(report.graph()), report.folder());
            assertTrue(report.worst().orElseThrow() <= 1e-5, report.toString());
            for (ExportListener.Stage stage :
                    List.of(ExportListener.Stage.WRITE, ExportListener.Stage.CHECK, ExportListener.Stage.COMPARE)) {
                assertTrue(heard.contains(report.graph() + " " + stage.label() + " 0.0"), heard::toString);
                assertTrue(heard.contains(report.graph() + " " + stage.label() + " 1.0"), heard::toString);
            }
        }
        assertEquals(
                2,
                new HashSet<>(reports.stream().map(ExportReport::weightsSha256).toList()).size());
        // The pictures have the size that the denoiser's latents stand for, not the one that the autoencoder saw.
        assertEquals(
                8,
                OnnxFile.read(folder.resolve("onnx/vae_decoder").resolve(OnnxFile.MODEL))
                        .getGraph()
                        .getOutput(0)
                        .getType()
                        .getTensorType()
                        .getShape()
                        .getDim(3)
                        .getDimValue());
        try (Stream<Path> files = Files.list(folder.resolve("onnx"))) {
            assertEquals(6, files.count());
        }
    }

    @Test
    void aFolderWithoutAnAutoencoderGetsTheDenoisersGraphs() {
        ModelFolder.write(folder, CONTENTS, DType.F16);
        try (ModelFolder model = ModelFolder.open(folder)) {
            List<ExportReport> reports =
                    new OnnxExporter(ExportOptions.DEFAULT, EagerJudge.reference(), ExportListener.NONE).export(model);
            assertEquals(4, reports.size());
            OnnxExporter decoder = new OnnxExporter(
                    ExportOptions.DEFAULT.withGraphs(Set.of("vae_decoder")),
                    EagerJudge.reference(),
                    ExportListener.NONE);
            MaskRtException e = assertThrows(MaskRtException.class, () -> decoder.export(model));
            assertTrue(e.getMessage().contains("expected an autoencoder (vae), found none"), e.getMessage());
        }
    }
}

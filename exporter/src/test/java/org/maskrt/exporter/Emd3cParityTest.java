package org.maskrt.exporter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.models.reference.CaseChecks;
import org.maskrt.models.reference.Parity;

/** E-MD3C on ONNX Runtime against recorded numbers, and its exported graphs against the reference interpreter. */
class Emd3cParityTest {
    private static final Path CASE = Path.of("../models/src/test/resources/reference/emd3c");

    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource(Attention.class)
    void forwardCollectAndMasked(Attention attention) {
        try (org.maskrt.models.reference.ReferenceCase c = org.maskrt.models.reference.ReferenceCase.open(CASE);
                OnnxInterpreter onnx = new OnnxInterpreter(GraphStyle.DEFAULT.with(attention))) {
            List<Parity> found = CaseChecks.model(c, onnx);
            assertEquals(5, found.size());
            found.forEach(parity -> assertTrue(parity.passed(), parity::toString));
        }
    }

    @ParameterizedTest
    @EnumSource(Attention.class)
    void everyGraphIsExportedAndEqual(Attention attention) {
        try (org.maskrt.models.reference.ReferenceCase c = org.maskrt.models.reference.ReferenceCase.open(CASE)) {
            ExportOptions options = ExportOptions.DEFAULT
                    .withGraphs(Set.copyOf(ExportOptions.GRAPHS))
                    .withStyle(GraphStyle.DEFAULT.with(attention))
                    .withGuided(c.model().guidedChannels());
            OnnxExporter exporter = new OnnxExporter(options, EagerJudge.reference(), ExportListener.NONE);
            List<ExportReport> reports = exporter.export(c.model(), c.weights(), folder);
            assertEquals(
                    Set.of("transformer", "conditioner", "denoiser", "guided_step", "inpaint", "ccnet"),
                    Set.copyOf(reports.stream().map(ExportReport::graph).toList()));
            for (ExportReport report : reports) {
                assertTrue(report.worst().orElseThrow() <= 1e-5, report::toString);
                assertTrue(Files.exists(folder.resolve(report.graph()).resolve(OnnxFile.MODEL)));
            }
        }
    }
}

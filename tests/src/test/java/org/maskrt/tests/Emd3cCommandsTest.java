package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.cli.Main;
import org.maskrt.models.reference.ReferenceCase;

/** The commands on an E-MD3C: the recorded case, and a model folder with its weights. */
class Emd3cCommandsTest {
    private static final Path CASE = Path.of("../models/src/test/resources/reference/emd3c");

    @TempDir
    private Path folder;

    private static String run(int exit, String... args) {
        StringWriter out = new StringWriter();
        int received = Main.run(new PrintWriter(out, true), new PrintWriter(out, true), args);
        assertEquals(exit, received, out::toString);
        return out.toString();
    }

    private Path model() {
        try (ReferenceCase c = ReferenceCase.open(CASE)) {
            return SampledModel.write(folder.resolve("model"), c.model(), c.weights());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"decomposed", "ort-mha"})
    void exportComparesEveryGraphWithTheEagerModel(String attention) throws IOException {
        Path model = model();
        String out = run(0, "export", model.toString(), "--attention", attention, "--quiet");
        for (String graph : List.of("transformer", "conditioner", "denoiser", "guided_step", "ccnet")) {
            assertTrue(out.contains(model.resolve("onnx").resolve(graph) + "  equal to the eager model within"), out);
            assertTrue(Files.exists(model.resolve("onnx").resolve(graph).resolve("export.json")), graph);
        }
        assertTrue(
                Files.readString(model.resolve("onnx/guided_step/export.json")).contains("\"all\""));
    }

    @Test
    void verifyHoldsTheRecordedNumbersOnEveryInterpreter() {
        String out = run(0, "verify", CASE.toString());
        assertTrue(out.contains("20 passed, 0 failed, 0 cases skipped"), out);
    }

    @Test
    void inspectPrintsTheSizeAndWhatMakesIt() {
        String out = run(0, "inspect", "emd3c-512");
        assertTrue(out.contains("465,736,999"), out);
        assertTrue(out.contains("condition        [B,1024]; zeros are the null"), out);
        assertTrue(run(0, "inspect", model().toString()).contains("sources=[Source[name=lsif"), out);
    }

    /** Through a writer that buffers, as that of a process does. */
    @Test
    void inspectPrintsTheTableOfPresets() {
        StringWriter printed = new StringWriter();
        PrintWriter out = new PrintWriter(new BufferedWriter(printed), true);
        assertEquals(0, Main.run(out, out, "inspect", "presets"));
        assertTrue(
                printed.toString().lines().anyMatch(l -> l.matches("emd3c-512 +465\\.74 M +362\\.04 G .*")),
                printed::toString);
    }

    @Test
    void sampleSaysThatItNeedsClasses() {
        Path model = model();
        String out =
                run(2, "sample", model.toString(), "-o", folder.resolve("out").toString());
        assertTrue(out.contains("expected a model of classes (DiT, MDT, MaskDiT), received Emd3c"), out);
    }
}

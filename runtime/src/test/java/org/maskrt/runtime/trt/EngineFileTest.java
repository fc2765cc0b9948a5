package org.maskrt.runtime.trt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.trt.EngineOptions.Trait;
import org.maskrt.runtime.trt.EngineSidecar.Platform;

class EngineFileTest {
    private static final String AGAIN = "; build it again with `maskrt build MODEL --rebuild`";
    private static final ExportedGraph SOURCE = new ExportedGraph("guided_step", "bf16", "constant", "0a", "77aa");

    @TempDir
    Path folder;

    private static EngineSidecar sidecar(ExportedGraph source, Trait... traits) {
        return new EngineSidecar(
                        source,
                        FakeWorker.with(traits),
                        FakeWorker.PLATFORM,
                        new EngineSidecar.Result(6, 28, 28, 1024, 61.5, "2026-01-01T00:00:00Z"))
                .with(FakeWorker.PASSED);
    }

    private Path plan(EngineStore store, EngineSidecar sidecar) throws IOException {
        Path plan = store.plan(
                sidecar.source(), sidecar.options(), sidecar.platform().sm());
        Files.createDirectories(plan.getParent());
        Files.writeString(plan, "a plan");
        sidecar.write(plan);
        return plan;
    }

    @Test
    void theSidecarIsReadAsItWasWritten() throws IOException {
        EngineSidecar written = sidecar(SOURCE, Trait.STRIPPED, Trait.REFITTABLE);
        Path plan = plan(new EngineStore(folder), written);
        assertEquals(
                "sm90-bf16-b1-2-8-refittable-stripped.plan", plan.getFileName().toString());
        assertEquals(written, EngineSidecar.read(plan));
        String text = Files.readString(EngineSidecar.of(plan));
        for (String field : new String[] {
            "\"onnx_sha256\" : \"0a\"",
            "\"batches\" : \"1:2:8\"",
            "\"tensorrt\" : \"10.6.0\"",
            "\"fused_attention\" : 28",
            "\"seconds\" : 61.5"
        }) {
            assertTrue(text.contains(field), () -> field + " in " + text);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "denoiser,bf16,constant,0a,77aa,10.6.0,90,graph denoiser,guided_step",
        "guided_step,fp16,constant,0a,77aa,10.6.0,90,dtype fp16,bf16",
        "guided_step,bf16,gather,0a,77aa,10.6.0,90,bias gather,constant",
        "guided_step,bf16,constant,0b,77aa,10.6.0,90,onnx_sha256 0b,0a",
        "guided_step,bf16,constant,0a,77ab,10.6.0,90,weights_sha256 77ab,77aa",
        "guided_step,bf16,constant,0a,77aa,10.9.0,90,tensorrt 10.9.0,10.6.0",
        "guided_step,bf16,constant,0a,77aa,10.6.0,80,sm 80,90"
    })
    void whatDiffersIsSaid(
            String graph,
            String dtype,
            String bias,
            String onnx,
            String weights,
            String version,
            int sm,
            String expected,
            String found)
            throws IOException {
        Path plan = plan(new EngineStore(folder), sidecar(SOURCE));
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> EngineFile.open(
                        plan,
                        new ExportedGraph(graph, dtype, bias, onnx, weights),
                        new Platform(version, sm, "a GPU")));
        assertEquals(plan + ": expected " + expected + ", the plan has " + found + AGAIN, e.getMessage());
        assertEquals(ExitCode.FAILURE, e.code());
    }

    @Test
    void aHardwareCompatiblePlanRunsFromAmpereOn() throws IOException {
        Path plan = plan(new EngineStore(folder), sidecar(SOURCE, Trait.HARDWARE_COMPATIBLE));
        EngineFile.open(plan, SOURCE, new Platform("10.6.0", 80, "NVIDIA A100"));
        MaskRtException e = assertThrows(
                MaskRtException.class, () -> EngineFile.open(plan, SOURCE, new Platform("10.6.0", 75, "Tesla T4")));
        assertEquals(plan + ": expected sm 75, the plan has 90" + AGAIN, e.getMessage());
    }

    @Test
    void missingAndDamagedFilesAreSaid() throws IOException {
        Path absent = folder.resolve("absent.plan");
        assertEquals(absent + ": there is no such engine; build it with `maskrt build MODEL`", message(absent));
        Path plan = plan(new EngineStore(folder), sidecar(SOURCE));
        Files.writeString(plan, "half");
        assertEquals(plan + ": expected plan_bytes 6, the plan has 4" + AGAIN, message(plan));
        Files.writeString(EngineSidecar.of(plan), "{}");
        assertEquals(
                EngineSidecar.of(plan)
                        + ": expected the description of an engine, got something else (Missing creator property 'source' (index"
                        + " 0)); build the engine again with `maskrt build MODEL --rebuild`",
                message(plan));
        Files.delete(EngineSidecar.of(plan));
        assertEquals(
                EngineSidecar.of(plan) + ": expected the description of " + plan.getFileName()
                        + ", there is none; build the engine again with `maskrt build MODEL --rebuild`",
                message(plan));
    }

    private static String message(Path plan) {
        return assertThrows(MaskRtException.class, () -> EngineFile.open(plan, SOURCE, FakeWorker.PLATFORM))
                .getMessage();
    }

    @Test
    void theGraphAndItsWeightsAreHashed() throws IOException {
        EngineStore store = FakeWorker.export(folder, "guided_step", "77aa");
        ExportedGraph first = ExportedGraph.of(store.graph("guided_step"));
        assertEquals("77aa", first.weightsSha256());
        Files.writeString(store.graph("guided_step").resolve("model.onnx"), "another");
        ExportedGraph other = ExportedGraph.of(store.graph("guided_step"));
        assertNotEquals(first.onnxSha256(), other.onnxSha256());
        assertEquals("ae448ac86c4e8e4dec645729708ef41873ae79c6dff84eff73360989487f08e5", other.onnxSha256());
    }

    @Test
    void anExportForAnotherRuntimeIsRefused() throws IOException {
        Path graph = FakeWorker.export(folder, "guided_step", "77aa").graph("guided_step");
        Files.writeString(graph.resolve("export.json"), "{\"target\":\"onnxruntime\"}");
        assertEquals(
                graph.resolve("export.json")
                        + ": expected the target tensorrt, got 'onnxruntime'; export again with --target tensorrt",
                assertThrows(MaskRtException.class, () -> ExportedGraph.of(graph))
                        .getMessage());
        Files.writeString(graph.resolve("export.json"), "{\"target\":\"tensorrt\"}");
        assertEquals(
                graph.resolve("export.json")
                        + ": expected the field graph, found none; export again with --target tensorrt",
                assertThrows(MaskRtException.class, () -> ExportedGraph.of(graph))
                        .getMessage());
        Files.delete(graph.resolve("export.json"));
        assertEquals(
                graph + ": expected model.onnx and export.json, one is missing; make them with `maskrt export --target"
                        + " tensorrt` or `maskrt build`",
                assertThrows(MaskRtException.class, () -> ExportedGraph.of(graph))
                        .getMessage());
    }

    @Test
    void theEngineThatFitsIsFound() throws IOException {
        EngineStore store = FakeWorker.export(folder, "guided_step", "77aa");
        ExportedGraph source = ExportedGraph.of(store.graph("guided_step"));
        assertEquals(
                folder.resolve("engine/guided_step")
                        + ": there is no engine of this graph; build it with `maskrt build " + folder + "`",
                assertThrows(MaskRtException.class, () -> store.find("guided_step", FakeWorker.PLATFORM))
                        .getMessage());
        assertEquals(
                folder.resolve("engine") + ": there are no engines; build them with `maskrt build " + folder + "`",
                assertThrows(MaskRtException.class, store::built).getMessage());

        Path stripped = plan(store, sidecar(source, Trait.STRIPPED));
        assertEquals(
                stripped
                        + ": expected an engine with weights, this one was built with --strip; fill it with `maskrt refit "
                        + folder + " --weights " + folder + "`",
                assertThrows(MaskRtException.class, () -> store.find("guided_step", FakeWorker.PLATFORM))
                        .getMessage());
        Path portable = plan(store, sidecar(source, Trait.HARDWARE_COMPATIBLE));
        assertEquals(portable, store.find("guided_step", FakeWorker.PLATFORM).plan());
        Path own = plan(store, sidecar(source));
        Files.setLastModifiedTime(own, FileTime.fromMillis(0));
        assertEquals(own, store.find("guided_step", FakeWorker.PLATFORM).plan(), "native ones first, however old");
        assertEquals(
                portable,
                store.find("guided_step", new Platform("10.6.0", 80, "NVIDIA A100"))
                        .plan());
    }

    @Test
    void anEngineWhoseComparisonIsMissingOrFailedNeverRuns() throws IOException {
        EngineStore store = FakeWorker.export(folder, "guided_step", "77aa");
        ExportedGraph source = ExportedGraph.of(store.graph("guided_step"));
        EngineSidecar good = sidecar(source);
        for (EngineSidecar.Checked checked : List.of(
                EngineSidecar.Checked.NOT_YET,
                new EngineSidecar.Checked(false, 0.02, 0.01, "the fp32 graph"),
                new EngineSidecar.Checked(true, 0.02, 0.01, "marked by hand"),
                new EngineSidecar.Checked(true, Double.NaN, 0.01, "marked by hand"))) {
            Path plan = plan(store, good.with(checked));
            MaskRtException e =
                    assertThrows(MaskRtException.class, () -> store.find("guided_step", FakeWorker.PLATFORM));
            assertEquals(
                    plan + ": expected an engine that was compared with ONNX Runtime, this one was not, or it differed"
                            + " too much" + AGAIN,
                    e.getMessage());
            assertEquals(ExitCode.FAILURE, e.code());
            assertEquals(
                    false, EngineFile.open(plan, source, FakeWorker.PLATFORM).trusted());
        }
        Path plan = plan(store, good.with(EngineSidecar.Checked.NOT_YET));
        Path portable = plan(store, sidecar(source, Trait.HARDWARE_COMPATIBLE));
        Files.setLastModifiedTime(portable, FileTime.fromMillis(0));
        assertEquals(portable, store.find("guided_step", FakeWorker.PLATFORM).plan(), "the one that passed, older");
        Path file = EngineSidecar.of(plan);
        Files.delete(portable);
        Files.writeString(file, Files.readString(file).replaceFirst(",\\s*\"checked\" : \\{[^}]*\\}", ""));
        MaskRtException e = assertThrows(MaskRtException.class, () -> store.find("guided_step", FakeWorker.PLATFORM));
        assertTrue(e.getMessage().contains("Missing creator property 'checked'"), e.getMessage());
    }

    @Test
    void batchesAreReadAndGiveTheLengthsOfAllDimensions() {
        Batches batches = Batches.parse("1:2:8");
        assertEquals(new Batches(1, 2, 8), batches);
        assertEquals(new Batches(4, 4, 4), Batches.parse("4"));
        assertTrue(batches.contains(8) && !batches.contains(9));
        assertEquals(2, batches.length("batch", Batches.Bound.OPT));
        assertEquals(64, batches.length("steps", Batches.Bound.MAX));
        assertEquals(8000, batches.length("rows", Batches.Bound.MAX));
        assertEquals(1, batches.length("rows_noise", Batches.Bound.OPT));
        assertEquals(1000, batches.length("rows_uncond", Batches.Bound.MAX));
        assertEquals(
                "a graph for TensorRT: expected the dimensions batch, steps, rows, rows_uncond or rows_noise, got 'n'; export"
                        + " again with --target tensorrt",
                assertThrows(MaskRtException.class, () -> batches.length("n", Batches.Bound.MIN))
                        .getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0:1:2", "2:1:4", "1:4:2", "1:2", "a:b:c", "1:2:99999"})
    void wrongBatchesAreUsageErrors(String text) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> Batches.parse(text));
        assertEquals(
                "the batches of an engine: expected MIN:OPT:MAX with 1 <= MIN <= OPT <= MAX, such as 1:2:8, or one number, got '"
                        + text + "'",
                e.getMessage());
        assertEquals(ExitCode.USAGE, e.code());
    }

    @Test
    void wrongOptionsAreUsageErrors() {
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> new EngineOptions(new Batches(1, 1, 1), 6, 0, Set.of()));
        assertEquals(
                "an engine: expected an optimisation level of 0 to 5 and a workspace of 0 or more bytes, got 6 and 0",
                e.getMessage());
        assertEquals(ExitCode.USAGE, e.code());
    }
}

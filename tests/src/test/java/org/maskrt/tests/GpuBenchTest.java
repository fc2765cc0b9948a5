package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.cli.Main;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.models.MaskRtException;
import org.maskrt.perf.bench.BenchListener;
import org.maskrt.perf.bench.GpuBench;
import org.maskrt.perf.bench.GpuResult;
import org.maskrt.runtime.OnnxEngines;
import org.maskrt.runtime.device.CpuDevice;
import org.maskrt.runtime.trt.Batches;
import org.maskrt.runtime.trt.EngineLayers.Fusion;
import org.maskrt.runtime.trt.EngineOptions;
import org.maskrt.runtime.trt.EngineSidecar;
import org.maskrt.runtime.trt.EngineStore;
import org.maskrt.runtime.trt.ExportedGraph;

/** All that `bench gpu` measures of a model, on a double of the device that runs the exported graphs, with descriptions of engines made up. */
class GpuBenchTest {
    private static final EngineSidecar.Platform PLATFORM = new EngineSidecar.Platform("10.6.0", 90, "NVIDIA H200");
    private static final List<String> GRAPHS = List.of("conditioner", "guided_step", "vae_decoder");

    @TempDir
    static Path temp;

    private static Path model;

    @BeforeAll
    static void export() throws IOException {
        model = SampledModel.export(
                temp.resolve("model"),
                ExportOptions.DEFAULT.withGraphs(Set.of("conditioner", "guided_step", "vae_decoder")));
        StringWriter out = new StringWriter();
        int exit = Main.run(
                new PrintWriter(out),
                new PrintWriter(out),
                "export",
                model.toString(),
                "--target",
                "tensorrt",
                "--dtype",
                "fp32",
                "--graphs",
                String.join(",", GRAPHS),
                "--no-validate",
                "--quiet");
        assertEquals(0, exit, out::toString);
        EngineStore store = new EngineStore(model);
        for (String graph : GRAPHS) {
            engine(store, graph, new EngineSidecar.Checked(true, 1e-4, 3e-3, "the fp32 graph"));
        }
    }

    private static Path engine(EngineStore store, String graph, EngineSidecar.Checked checked) throws IOException {
        ExportedGraph source = ExportedGraph.of(store.graph(graph));
        EngineOptions options = new EngineOptions(new Batches(1, 1, 4), 3, 0, Set.of());
        Path plan = store.plan(source, options, PLATFORM.sm());
        Files.createDirectories(plan.getParent());
        Files.writeString(plan, "a plan");
        new EngineSidecar(
                        source,
                        options,
                        PLATFORM,
                        new EngineSidecar.Result(6, 3, 4, 1024, 61.5, "2026-01-01T00:00:00Z"),
                        checked)
                .write(plan);
        Files.writeString(
                plan.resolveSibling(plan.getFileName().toString().replace(".plan", ".layers.json")),
                "{\"Layers\":[{\"Name\":\"_gemm_mha_v2_myl0_2\",\"Metadata\":\"[ONNX Layer: en_inblocks.0.attn/Softmax]\"},"
                        + "{\"Name\":\"a\",\"Metadata\":\"[ONNX Layer: de_blocks.1.attn/Softmax]\"}]}");
        return plan;
    }

    private static List<String> peer(String scale) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                OnnxPeer.class.getName(),
                scale);
    }

    @Test
    void everythingIsMeasured() throws IOException {
        CpuDevice device = new CpuDevice(1L << 28);
        List<String> heard = new ArrayList<>();
        BenchListener listener = (what, done, total) -> heard.add(what);
        GpuBench.Plan plan = new GpuBench.Plan(
                "fp32", List.of(2, 1), 3, 2, List.of(peer("1"), peer("1.5"), List.of("sh", "missing.sh")));
        GpuResult.Model measured = new GpuBench(
                        PLATFORM,
                        (folder, options, steps) -> OnnxEngines.meter(folder, device, options, steps),
                        plan,
                        listener)
                .measure("MDT-XL/2", model);
        assertEquals(0, device.open());
        assertEquals(
                GRAPHS, measured.engines().stream().map(GpuResult.Engine::graph).toList());
        assertEquals("1:1:4", measured.engines().get(0).built());
        assertEquals(2, measured.engines().get(1).kernels());
        assertEquals(
                List.of(
                        new GpuResult.Attention("en_inblocks.0.attn", Fusion.FUSED),
                        new GpuResult.Attention("en_outblocks.0.attn", Fusion.UNKNOWN),
                        new GpuResult.Attention("de_blocks.0.attn", Fusion.UNKNOWN),
                        new GpuResult.Attention("de_blocks.1.attn", Fusion.SEPARATE)),
                measured.attentions());
        String onnx = Files.readString(
                new EngineStore(model).graph("guided_step").resolve("model.onnx"), StandardCharsets.ISO_8859_1);
        for (GpuResult.Attention attention : measured.attentions()) {
            assertTrue(onnx.contains(attention.path() + "/Softmax"), "the node that tells of " + attention);
        }
        assertEquals(
                List.of(1, 2),
                measured.steps().stream().map(GpuResult.Steps::batch).toList());
        for (GpuResult.Steps steps : measured.steps()) {
            assertEquals(2 * 3, steps.millis().size(), "each step of two rounds");
            assertEquals(1, steps.denoiseMillis().size());
            assertTrue(steps.imageSeconds() > 0);
            assertEquals(1, steps.decodeMillis().size());
        }
        assertTrue(measured.steps().get(0).peak().cuda()
                < measured.steps().get(1).peak().cuda());
        GpuResult.Budgeted budgeted = measured.budgeted();
        assertNotNull(budgeted);
        assertEquals(1_600_000_000, budgeted.budget());
        assertTrue(budgeted.choices().get(0).startsWith("memory: 0.54 GB of 1.60 GB"), budgeted.choices()::toString);
        assertNotNull(budgeted.peak());

        GpuResult.Peer same = measured.peers().get(0);
        assertEquals("our own graph compiled, fp32", same.label());
        assertEquals("", same.failure());
        assertEquals(2, same.times().size());
        assertEquals(List.of(2.0, 2.0), same.times().get(1).millis());
        assertEquals(2, same.times().get(1).ours().size());
        assertEquals(0.0, same.times().get(0).difference());
        assertNull(same.times().get(1).difference());
        GpuResult.Peer other = measured.peers().get(1);
        assertEquals(
                "expected what the fp32 graph computes, its result differs by 5.0e-01 of the maximum", other.failure());
        assertEquals(List.of(), other.times());
        assertTrue(measured.peers().get(2).failure().startsWith("the peer 'sh missing.sh --dtype fp32"));
        assertTrue(heard.containsAll(
                List.of("MDT-XL/2, one picture in 1.60 GB", "MDT-XL/2, memory at batch 1", "MDT-XL/2, batch 2")));
    }

    @Test
    void anEngineThatWasNotComparedIsNotMeasured() throws IOException {
        EngineStore store = new EngineStore(model);
        Path plan = engine(store, "guided_step", new EngineSidecar.Checked(false, 0.02, 3e-3, "the fp32 graph"));
        try {
            GpuBench bench = new GpuBench(
                    PLATFORM,
                    (folder, options, steps) -> {
                        throw new AssertionError("opened");
                    },
                    new GpuBench.Plan("fp32", List.of(1), 3, 1, List.of()),
                    BenchListener.NONE);
            MaskRtException e = assertThrows(MaskRtException.class, () -> bench.measure("model", model));
            assertTrue(e.getMessage().startsWith(plan + ": expected an engine that was compared"), e.getMessage());
        } finally {
            engine(store, "guided_step", new EngineSidecar.Checked(true, 1e-4, 3e-3, "the fp32 graph"));
        }
    }
}

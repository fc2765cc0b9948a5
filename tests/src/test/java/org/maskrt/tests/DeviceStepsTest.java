package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.cli.Main;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.reference.ReferenceCase;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GraphSignature;
import org.maskrt.runtime.GuidanceOptions;
import org.maskrt.runtime.OnnxEngines;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Sampling;
import org.maskrt.runtime.SelfCheck;
import org.maskrt.runtime.device.CpuDevice;
import org.maskrt.runtime.device.Engine;

/** The graphs that are exported for TensorRT in the loop on the device, on a double that runs them with ONNX Runtime. */
class DeviceStepsTest {
    private static final long MEMORY = 1L << 28;

    @TempDir
    static Path temp;

    private static Path model;

    @BeforeAll
    static void export() {
        model = SampledModel.export(temp.resolve("model"), ExportOptions.DEFAULT);
        run("export", model.toString(), "--target", "tensorrt", "--dtype", "fp32", "--quiet");
    }

    private static void run(String... args) {
        StringWriter out = new StringWriter();
        assertEquals(0, Main.run(new PrintWriter(out, true), new PrintWriter(out, true), args), out::toString);
    }

    static List<GenerationRequest> requests() {
        GenerationRequest plain = GenerationRequest.of(List.of(1, 2, 1)).withLatents();
        return List.of(
                plain.with(Sampling.dpmSolver("8"))
                        .with(new GuidanceOptions(
                                new Guidance.PowerCosine(3.8, 4, 1000), GuidedChannels.REFERENCE, 0.05)),
                plain.with(Sampling.ddim("6")),
                plain.with(Sampling.ddim("5", 1)).with(new Guidance.Constant(2)));
    }

    @Test
    void generationsOnTheDeviceAreThoseOfOnnxRuntime() {
        CpuDevice device = new CpuDevice(MEMORY);
        try (DiffusionPipeline host = DiffusionPipeline.open(model, PipelineOptions.DEFAULT.withThreads(1));
                DiffusionPipeline loop = OnnxEngines.pipeline(model, device)) {
            for (GenerationRequest request : requests()) {
                Tensor expected = host.generate(request).latents();
                Tensor actual = loop.generate(request).latents();
                Parity parity = Parity.of("latents", expected, actual, Parity.ACCUMULATED);
                assertTrue(parity.passed(), () -> request.sampling() + ": " + parity);
            }
            assertEquals(8 + 6 + 5, device.count("launch"));
            assertEquals(2, device.count("capture"), "one of each kind");
        }
        assertEquals(0, device.open());
    }

    private static Parity check(Path folder, String graph, GraphSignature signature, float scale) {
        CpuDevice device = new CpuDevice(MEMORY);
        OnnxEngines engines = new OnnxEngines(device, t -> scaled(t, scale));
        try (Engine engine = engines.open(folder.resolve("onnx-tensorrt").resolve(graph), signature)) {
            return SelfCheck.compare(folder, graph, engine, device, SelfCheck.bound("fp16"));
        } finally {
            engines.close();
            assertEquals(0, device.open(), "the check leaves nothing behind");
        }
    }

    private static Tensor scaled(Tensor t, float scale) {
        float[] values = t.values().clone();
        for (int i = 0; i < values.length; i++) {
            values[i] *= scale;
        }
        return Tensor.of(values, t.shape());
    }

    private static GraphSignature signature(Path folder, String graph) {
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, PipelineOptions.DEFAULT)) {
            return switch (graph) {
                case "guided_step" -> GraphSignature.tableGuidedStep(pipeline.model());
                case "half_step" -> GraphSignature.tableHalfStep(pipeline.model());
                case "conditioner" -> GraphSignature.conditioner(pipeline.model());
                case "denoiser" -> GraphSignature.denoiser(pipeline.model());
                default -> GraphSignature.vaeDecoder(16, 4, 8);
            };
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"guided_step", "half_step", "conditioner", "denoiser", "vae_decoder"})
    void anEngineIsComparedWithItsGraphInFp32(String graph) {
        GraphSignature signature = signature(model, graph);
        Parity right = check(model, graph, signature, 1);
        assertTrue(right.passed() && right.relative() < 1e-5, right::toString);
        Parity wrong = check(model, graph, signature, 1.01f);
        assertFalse(wrong.passed(), wrong::toString);
        assertEquals(0.01, wrong.relative(), 1e-3);
        Parity nan = check(model, graph, signature, Float.NaN);
        assertFalse(nan.passed(), nan::toString);
    }

    @Test
    void anEmd3cIsCheckedWithItsHint() throws Exception {
        Path folder;
        try (ReferenceCase c = ReferenceCase.open(Path.of("../models/src/test/resources/reference/emd3c"))) {
            folder = SampledModel.write(temp.resolve("emd3c"), c.model(), c.weights());
        }
        run("export", folder.toString(), "--quiet");
        run("export", folder.toString(), "--target", "tensorrt", "--dtype", "fp32", "--quiet");
        for (String graph : List.of("guided_step", "half_step", "conditioner")) {
            Parity found = check(folder, graph, signature(folder, graph), 1);
            assertTrue(found.passed() && found.relative() < 1e-5, graph + ": " + found);
        }
    }
}

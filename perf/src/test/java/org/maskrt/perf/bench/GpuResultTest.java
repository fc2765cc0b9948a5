package org.maskrt.perf.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.Presets;
import org.xml.sax.InputSource;

class GpuResultTest {
    /** By hand, for two half batches: every product of every block, and what it reads and writes in 16 bits; milliseconds. */
    @ParameterizedTest
    @CsvSource({
        // model, GFLOP, floor and kernel after kernel on an A100, the same on an H200
        "MDT-XL/2,   474,  1.52, 1.69, 0.48, 0.56",
        "MDTv2-XL/2, 517,  1.66, 1.83, 0.52, 0.60",
        "emd3c-512,  1443, 4.63, 5.03, 1.46, 1.67",
    })
    void floorsAreThoseOfTheTable(
            String name, double gflops, double a100, double serialA100, double h200, double serialH200) {
        StepWork work = StepWork.of(Presets.of(name, 32), 1);
        assertEquals(gflops, work.flops() / 1e9, 1.5);
        assertEquals(a100, work.floorMillis(Limits.ofGpu("a100")), 0.01);
        assertEquals(h200, work.floorMillis(Limits.ofGpu("h200")), 0.01);
        assertEquals(serialA100, work.serialMillis(Limits.ofGpu("a100")), 0.03);
        assertEquals(serialH200, work.serialMillis(Limits.ofGpu("h200")), 0.02);
    }

    @Test
    void workIsCountedForEachKindOfKernel() {
        StepWork work = StepWork.of(Presets.of("MDT-XL/2", 32), 3);
        double tokens = 2 * 3 * 256;
        assertEquals(
                new StepWork.Kernel(
                        "blocks.*.attn.qkv",
                        28,
                        28 * 2 * tokens * 1152 * 3456,
                        28 * 2.0 * (1152 * 3456 + 3456),
                        28 * 2 * tokens * (1152 + 3456)),
                kernel(work, "blocks.*.attn.qkv"));
        assertEquals(
                new StepWork.Kernel(
                        "blocks.*.attn",
                        28,
                        28 * 2 * 2 * tokens * 256 * 1152,
                        28 * 2.0 * 16 * 256 * 256,
                        28 * 2 * 4 * tokens * 1152),
                kernel(work, "blocks.*.attn"));
        assertEquals(
                new StepWork.Kernel("norms and residuals", 28, 0, 0, 28 * 2 * 8 * tokens * 1152),
                kernel(work, "norms and residuals"));
        assertEquals(28, StepWork.attentions(Presets.of("MDTv2-XL/2", 32)).size());
        assertEquals(
                "blocks.27.attn",
                StepWork.attentions(Presets.of("MDT-XL/2", 32)).get(27));
    }

    private static StepWork.Kernel kernel(StepWork work, String kind) {
        return work.kernels().stream()
                .filter(k -> k.kind().equals(kind))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void projectionsKeepTheEfficiencyOfTheKernels() {
        StepWork work = GpuResults.work(2);
        assertEquals(
                3, work.floorMillis(GpuResults.HERE), 1e-12, "3 TFLOP at 1 PFLOP/s are longer than 1.1 GB at 1 TB/s");
        assertEquals(1 + 0.5 + 2, work.serialMillis(GpuResults.HERE), 1e-12);
        assertEquals(2 + 0.25 + 4, work.serialMillis(GpuResults.THERE), 1e-12);
        GpuResult.Projection projection =
                GpuResults.of("NVIDIA H200", 0.5).projections().get(1);
        assertEquals(2, projection.batch());
        assertEquals(3.5 / 7, projection.efficiency(), 1e-12);
        assertEquals(6.25 / 0.5, projection.millis(), 1e-12);
        assertEquals(50 * 12.5 / 1000 / 2, projection.imageSeconds(), 1e-12);
        assertEquals(List.of(), GpuResults.least().projections(), "without limits here");
    }

    @Test
    void figuresAreMedians() {
        GpuResult.Steps steps = GpuResults.steps(2, 7, 380);
        assertEquals(7, steps.median());
        assertEquals(0.19, steps.imageSeconds(), 1e-12);
        assertEquals(0.195, steps.decodedImageSeconds(), 1e-12);
        assertNull(GpuResults.least().models().get(0).steps().get(0).decodedImageSeconds());
        GpuResult.PeerTimes peer =
                GpuResults.model("any", 0.5).peers().get(0).times().get(0);
        assertEquals(0.5, peer.ratio(), "the median of 0.5, 0.5 and 0.25");
    }

    private static String verdicts(GpuResult result) {
        StringBuilder verdicts = new StringBuilder();
        for (GpuTarget target : result.targets()) {
            verdicts.append(target.met() == null ? '?' : target.met() ? '+' : '-');
        }
        return verdicts.toString();
    }

    @Test
    void eachTargetIsJudged() {
        GpuResult result = GpuResults.of("NVIDIA H200", 0.65);
        assertEquals(
                List.of(
                        new GpuTarget("MDT-XL/2, ms per step on an H200", "at most 0.80 ms", "0.75 ms", true),
                        new GpuTarget(
                                "MDT-XL/2, s per image without decoding on an H200",
                                "at most 0.040 s",
                                "0.039 s",
                                true),
                        new GpuTarget("MDT-XL/2, peak device memory", "at most 1.60 GB", "1.59 GB", true),
                        new GpuTarget(
                                "MDT-XL/2, time of torch 2.6 compiled <default>, bf16",
                                "at most 0.60x",
                                "0.65x",
                                false),
                        new GpuTarget(
                                "MDT-XL/2, a guided step's difference from fp32", "at most 1.0e-02", "4.0e-03", true),
                        new GpuTarget("shapes, pictures against those in fp32", "at least 35 dB", "34.9 dB", false),
                        new GpuTarget("shapes, pictures right", "at least 97 %", "96 %", false)),
                result.targets());
        assertEquals("+++++--", verdicts(GpuResults.of("NVIDIA H200", 0.6)));
        assertEquals("??++" + "+--", verdicts(GpuResults.of("NVIDIA A100-SXM4-80GB", 0.6)), "times are an H200's");
        assertEquals("", verdicts(GpuResults.least()));
    }

    @Test
    void jsonHasEveryFigure() throws Exception {
        JsonNode json =
                new ObjectMapper().readTree(GpuResults.of("NVIDIA H200", 0.5).json());
        assertEquals(1, json.path("schema").asInt());
        assertEquals("NVIDIA H200", json.at("/run/gpu/name").asText());
        JsonNode model = json.at("/models/0");
        assertEquals("FUSED", model.at("/attentions/0/fusion").asText());
        assertEquals(91, model.at("/engines/0/build_seconds").asDouble());
        assertEquals(950_000_000, model.at("/engines/0/plan_bytes").asLong());
        assertEquals(0.75, model.at("/steps/0/median").asDouble());
        assertEquals(1, model.at("/steps/0/batch").asInt());
        assertEquals(0.039, model.at("/steps/0/image_seconds").asDouble(), 1e-12);
        assertEquals(3_100_000_000L, model.at("/steps/0/peak/nvml").asLong());
        assertEquals(3e12, model.at("/steps/0/work/flops").asDouble());
        assertEquals(1_590_000_000, model.at("/budgeted/peak_bytes").asLong());
        assertEquals(0.5, model.at("/peers/0/times/0/ratio").asDouble());
        assertEquals(12.5, json.at("/projections/1/millis").asDouble(), 1e-12);
        assertEquals(34.9, json.at("/demos/0/least_psnr").asDouble());
        assertTrue(json.at("/targets/0/met").asBoolean());
        assertEquals("A note.", json.at("/run/notes/0").asText());
    }

    @Test
    void thePageSaysWhatIsMeasuredAndWhatIsProjected() throws Exception {
        String html = GpuReport.of(GpuResults.of("NVIDIA H200", 0.65)).html();
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(html)));
        for (String text : List.of(
                "TensorRT engines on NVIDIA H200",
                "4 reached, 3 missed, 0 that this run cannot tell",
                "Attention of each block",
                "not fused",
                "list does not say",
                "Projected, not measured: A100, made up",
                "ms per step, projected",
                "12.5 ms",
                "0.313 s",
                "torch 2.6 compiled &lt;default&gt;, bf16",
                "not measured: the peer 'other' failed: it ended",
                "1.59 GB",
                "1 of 3",
                "27 of 28",
                "A note.")) {
            assertTrue(html.contains(text), text);
        }
        String lower = html.toLowerCase(Locale.ROOT);
        for (String foreign : List.of("http:", "https:", "<script", "src=", "href=", "url(", "nan", "infinity")) {
            assertFalse(lower.contains(foreign), "the page has '" + foreign + "'");
        }
        String least = GpuReport.of(GpuResults.least()).html();
        assertTrue(least.contains("not known, so no floors"));
        assertFalse(least.contains("rojected to"));
    }

    @Test
    void wrongPlansAndNamesAreUsageErrors(@TempDir Path folder) {
        MaskRtException plan =
                assertThrows(MaskRtException.class, () -> new GpuBench.Plan("bf16", List.of(0, 2), 50, 10, List.of()));
        assertEquals(ExitCode.USAGE, plan.code());
        assertEquals(
                "expected batches, steps and rounds of 1 or more, got --batch [0, 2] --steps 50 --rounds 10",
                plan.getMessage());
        assertEquals(List.of(1, 2), new GpuBench.Plan("bf16", List.of(2, 1, 2), 50, 10, List.of()).batches());
        MaskRtException name =
                assertThrows(MaskRtException.class, () -> GpuBench.folder("nothing", folder.resolve("place"), 1));
        assertEquals(ExitCode.USAGE, name.code());
        assertEquals(
                "nothing: expected a preset or a model folder; `maskrt inspect presets` lists the presets",
                name.getMessage());
    }
}

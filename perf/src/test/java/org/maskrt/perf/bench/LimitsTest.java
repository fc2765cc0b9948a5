package org.maskrt.perf.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class LimitsTest {
    /** 200 GFLOP/s and 20 GB/s: 10 operations for each byte at the ridge. */
    @Test
    void theFloorIsTheLongerOfBoth() {
        Limits limits = new Limits("test", 200, 20);
        assertEquals(10, limits.ridge());
        assertEquals(250, limits.floorMillis(50e9, 1e9));
        assertEquals(100, limits.floorMillis(1e9, 2e9));
    }

    @Test
    void gpusAreKnownByTheirNames() {
        assertEquals(990e3, Limits.ofGpu("NVIDIA H200").gflops());
        assertEquals(4800, Limits.ofGpu("h200").gigabytesPerSecond());
        assertEquals(3350, Limits.ofGpu("NVIDIA H100 80GB HBM3").gigabytesPerSecond());
        assertEquals(312e3, Limits.ofGpu("NVIDIA A100-SXM4-40GB").gflops());
        assertEquals(864, Limits.ofGpu("NVIDIA L40S").gigabytesPerSecond());
        MaskRtException e = assertThrows(MaskRtException.class, () -> Limits.ofGpu("TI-83"));
        assertEquals(ExitCode.USAGE, e.code());
        assertEquals("--limits: expected measured or one of [a100, h100, h200, l40s], got 'TI-83'", e.getMessage());
    }

    @Test
    void thisMachineHasLimits(@TempDir Path folder) {
        Limits limits = MachineLimits.measure(folder, 128, 2, BenchListener.NONE);
        assertTrue(limits.gflops() > 0.01 && limits.gigabytesPerSecond() > 0.01, limits.toString());
        assertTrue(limits.source().contains("fp32 products 128x128"), limits.source());
    }

    /** DiT-S/8 on 16x16 latents: 4 tokens; fc1 is 4 x 384 x 1536 multiply-accumulates, for two rows, in 12 blocks. */
    @Test
    void costsAreThoseOfTheGraph() {
        Source source = Source.open("DiT-S/8", new Workload("guided_step", List.of(1), 20, 16, 1));
        Cost cost = Cost.of(source.subject("guided_step").graph(), 1, 20, 4);
        Cost.Kind fc1 = cost.kinds().stream()
                .filter(kind -> kind.row().path().equals("blocks.*.mlp.fc1"))
                .findFirst()
                .orElseThrow();
        assertEquals(12, fc1.count());
        assertEquals(2.0 * 12 * 2 * 4 * 384 * 1536, fc1.row().flops());
        assertEquals(12 * 4.0 * (384 * 1536 + 1536), fc1.row().weightBytes());
        assertEquals(
                2 * cost.total().flops(),
                Cost.of(source.subject("guided_step").graph(), 2, 20, 4).total().flops());
        assertEquals("blocks.*.attn", Cost.kind("blocks.11.attn"));
        assertEquals("t_embedder.mlp.*", Cost.kind("t_embedder.mlp.0"));
        List<String> paths = cost.paths().stream().map(Cost.Row::path).toList();
        assertEquals("blocks.1.attn.qkv", PathProfile.path("blocks.1.attn.qkv/MatMul", paths));
        assertEquals("blocks.1.attn", PathProfile.path("blocks.1.attn/MultiHeadAttention", paths));
        assertEquals("", PathProfile.path("/Concat_1", paths));
    }
}

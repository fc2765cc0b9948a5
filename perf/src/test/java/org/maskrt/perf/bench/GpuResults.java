package org.maskrt.perf.bench;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.maskrt.runtime.device.MemoryUse;
import org.maskrt.runtime.trt.EngineLayers.Fusion;
import org.maskrt.runtime.trt.Gpu;

/** Made-up measurements on a GPU that does 1 PFLOP/s and 1 TB/s. */
final class GpuResults {
    static final Limits HERE = new Limits("a GPU", 1e6, 1000);
    static final Limits THERE = new Limits("A100, made up", 500e3, 2000);

    private GpuResults() {}

    /** At the limits here 1 ms, 0.5 ms and 2 ms; there 2 ms, 0.25 ms and 4 ms. */
    static StepWork work(int batch) {
        return new StepWork(
                batch,
                List.of(
                        new StepWork.Kernel("blocks.*.attn.qkv", 28, 1e12, 1e9, 0),
                        new StepWork.Kernel("norms and residuals", 28, 0, 0, 0.5e9),
                        new StepWork.Kernel("blocks.*.mlp.fc1", 28, 2e12, 0.1e9, 0)));
    }

    static GpuResult.Steps steps(int batch, double millis, double denoise) {
        return new GpuResult.Steps(
                work(batch),
                List.of(1.1 * millis, millis, 0.9 * millis),
                List.of(denoise, denoise, 2 * denoise),
                List.of(5.0 * batch),
                new MemoryUse(3_000_000_000L, 3_100_000_000L, 141L << 30));
    }

    static GpuResult.Model model(String name, double ratio) {
        return new GpuResult.Model(
                name,
                List.of(new GpuResult.Engine(
                        "guided_step",
                        "sm90-bf16-b1-1-2.plan",
                        "1:1:2",
                        91,
                        950_000_000,
                        20_000_000,
                        27,
                        28,
                        143,
                        0.004,
                        0.01)),
                List.of(
                        new GpuResult.Attention("blocks.0.attn", Fusion.FUSED),
                        new GpuResult.Attention("blocks.1.attn", Fusion.SEPARATE),
                        new GpuResult.Attention("blocks.2.attn", Fusion.UNKNOWN)),
                List.of(steps(1, 0.75, 39), steps(2, 7, 380)),
                new MemoryUse(500_000_000, 520_000_000, 141L << 30),
                new GpuResult.Budgeted(
                        1_600_000_000,
                        List.of("engines: one at a time"),
                        new MemoryUse(1_500_000_000, 1_590_000_000, 141L << 30)),
                List.of(
                        new GpuResult.Peer(
                                "torch 2.6 compiled <default>, bf16",
                                "python3 torch_cuda_step.py --compile",
                                "",
                                List.of(new GpuResult.PeerTimes(
                                        1, List.of(1.0, 1.0, 2.0), List.of(ratio, ratio, ratio), 0.006))),
                        new GpuResult.Peer("other", "other", "the peer 'other' failed: it ended", List.of())));
    }

    static GpuResult of(String gpu, double ratio) {
        return new GpuResult(
                GpuResult.SCHEMA,
                new GpuResult.Run(
                        "2026-01-02T03:04:05Z",
                        "maskrt bench gpu --a100 -o out",
                        new Machine("Some processor", 16, 128L << 30, "Linux 6 amd64", Map.of("tensorrt", "10.6.0")),
                        new Gpu(0, gpu, 90, 141L << 30, "12.8"),
                        "bf16",
                        50,
                        List.of("A note.")),
                HERE,
                THERE,
                List.of(model("MDT-XL/2", ratio)),
                List.of(new GpuResult.Demo("shapes", 50, List.of(41.0, 34.9, 99.0), "pictures right", 0.96, 0.97)));
    }

    /** Nothing but one batch. */
    static GpuResult least() {
        GpuResult full = of("NVIDIA L4", 1);
        GpuResult.Model model = new GpuResult.Model(
                "folder",
                List.of(),
                List.of(),
                List.of(new GpuResult.Steps(
                        work(4),
                        List.of(2.0),
                        List.of(100.0),
                        List.of(),
                        new MemoryUse(1_000_000_000, -1, 2_000_000_000))),
                new MemoryUse(1, -1, 2),
                null,
                List.of());
        return new GpuResult(GpuResult.SCHEMA, full.run(), null, THERE, Collections.nCopies(1, model), List.of());
    }
}

package org.maskrt.perf.bench;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.maskrt.perf.CorePlacement;

/** Made-up results. */
final class Results {
    private Results() {}

    /** {@code count} times around {@code middle}, 3 % apart, neighbours alike. */
    static double[] times(int count, double middle, long seed) {
        Random random = new Random(seed);
        double[] times = new double[count];
        double wave = 0;
        for (int i = 0; i < count; i++) {
            wave = 0.5 * wave + 0.03 * random.nextGaussian();
            times[i] = middle * (1 + wave);
        }
        return times;
    }

    static Times measured(int batch, CorePlacement.Tag placement, double[] millis) {
        return new Times(batch, placement, DoubleStream.of(millis).boxed().toList());
    }

    /** Two configurations at three batches, with everything that a report can show. */
    static BenchResult full() {
        Source source = Source.open("DiT-S/8", new Workload("guided_step", List.of(1), 20, 16, 1));
        List<Cost> costs = List.of(1, 2, 4).stream()
                .map(batch -> Cost.of(source.subject("guided_step").graph(), batch, 20, 4))
                .toList();
        BenchResult.Contender ours = new BenchResult.Contender(
                "ort-cpu",
                Map.of("backend", "ort-cpu", "dtype", "fp32"),
                null,
                List.of(
                        measured(1, CorePlacement.Tag.NEAR, times(40, 10, 1)),
                        measured(1, CorePlacement.Tag.FAR, times(12, 11, 2)),
                        measured(2, CorePlacement.Tag.NEAR, times(40, 19, 3)),
                        measured(4, CorePlacement.Tag.NEAR, times(40, 38, 4))),
                new ColdStart(400, 150, 30, 10.5, new ColdStart.Memory(300_000_000, 290_000_000, 20_000_000, 900)),
                Map.of("blocks.0.attn.qkv", 1.5, "blocks.1.attn.qkv", 1.4, "", 0.2));
        BenchResult.Contender other = new BenchResult.Contender(
                "eager <torch> & \"co\"",
                Map.of("backend", "eager"),
                1e-6,
                List.of(
                        measured(1, CorePlacement.Tag.NEAR, times(40, 14, 5)),
                        measured(1, CorePlacement.Tag.FAR, times(12, 16, 6)),
                        measured(2, CorePlacement.Tag.NEAR, times(40, 27, 7)),
                        measured(4, CorePlacement.Tag.NEAR, times(40, 52, 8))),
                null,
                Map.of());
        Generation generation = new Generation(
                "20 steps",
                1,
                List.of(
                        new Generation.Stage("load", 180),
                        new Generation.Stage("condition", 4),
                        new Generation.Stage("20 steps", 230),
                        new Generation.Stage("decode", 60)),
                List.of(
                        new Generation.Stage("condition", 3),
                        new Generation.Stage("20 steps", 200),
                        new Generation.Stage("decode", 40)));
        Machine machine = new Machine("Some processor", 2, 16L << 30, "Linux 6 amd64", Map.of("java", "17"));
        return new BenchResult(
                BenchResult.SCHEMA,
                new BenchResult.Run(
                        "2026-01-02T03:04:05Z", "maskrt bench DiT-S/8 --batch 1,2,4", machine, Protocol.DEFAULT, 0.25),
                new Limits("measured in this run", 200, 20),
                List.of(new BenchResult.Model("DiT-S/8", "guided_step", List.of(ours, other), costs, generation)));
    }

    /** One configuration whose times are {@code millis}. */
    static BenchResult of(double[] millis) {
        BenchResult full = full();
        BenchResult.Contender contender = new BenchResult.Contender(
                "ort-cpu", Map.of(), null, List.of(measured(1, CorePlacement.Tag.NEAR, millis)), null, Map.of());
        return new BenchResult(
                full.schema(),
                full.run(),
                full.limits(),
                List.of(new BenchResult.Model("DiT-S/8", "guided_step", List.of(contender), List.of(), null)));
    }
}

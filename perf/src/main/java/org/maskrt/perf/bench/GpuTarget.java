package org.maskrt.perf.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A figure that is to be reached.
 *
 * @param what it is of
 * @param target what is to be reached
 * @param measured what was
 * @param met whether it is; null where this run cannot tell
 */
public record GpuTarget(
        String what,
        String target,
        String measured,
        @Nullable Boolean met) {
    private static final String H200 = "h200";
    private static final String NOT_MEASURED = "not measured";
    private static final double LEAST_PSNR = 35;
    private static final double MOST_OF_COMPILED = 0.6;

    /**
     * The targets of a preset, at a batch of one, guided.
     *
     * @param stepMillis on an H200
     * @param imageSeconds on an H200, without decoding; null for none
     * @param peakBytes of device memory
     */
    record Preset(String name, double stepMillis, @Nullable Double imageSeconds, double peakBytes) {}

    /** MDT v2 has 9 % more work than v1, of which the targets are. */
    private static final List<Preset> PRESETS = List.of(
            new Preset("MDT-XL/2", 0.80, 0.040, 1.6e9),
            new Preset("MDTv2-XL/2", 0.80, 0.040, 1.6e9),
            new Preset("emd3c-512", 2.4, null, 4e9));

    /** The targets of a model; null if it has none of its own. */
    static @Nullable Preset preset(String name) {
        return PRESETS.stream()
                .filter(p -> p.name.equalsIgnoreCase(name))
                .findFirst()
                .orElse(null);
    }

    /** All that a run can be held against. */
    static List<GpuTarget> of(GpuResult result) {
        List<GpuTarget> all = new ArrayList<>();
        boolean h200 = List.of(
                        result.run().gpu().name().toLowerCase(Locale.ROOT).split("[^a-z0-9]+"))
                .contains(H200);
        for (GpuResult.Model model : result.models()) {
            Preset preset = preset(model.name());
            GpuResult.Steps one = model.steps(1);
            if (preset != null) {
                all.add(atMost(
                        model.name() + ", ms per step on an H200",
                        preset.stepMillis,
                        one == null ? null : one.median(),
                        h200,
                        v -> String.format(Locale.ROOT, "%.2f ms", v)));
                if (preset.imageSeconds != null) {
                    all.add(atMost(
                            model.name() + ", s per image without decoding on an H200",
                            preset.imageSeconds,
                            one == null ? null : one.imageSeconds(),
                            h200,
                            v -> String.format(Locale.ROOT, "%.3f s", v)));
                }
                GpuResult.Budgeted memory = model.budgeted();
                all.add(atMost(
                        model.name() + ", peak device memory",
                        preset.peakBytes,
                        memory == null || memory.peak() == null ? null : memory.peakBytes(),
                        true,
                        Format::bytes));
            }
            for (GpuResult.Peer peer : model.peers()) {
                if (peer.label().contains("compiled")) {
                    all.add(atMost(
                            model.name() + ", time of " + peer.label(),
                            MOST_OF_COMPILED,
                            peer.times().stream()
                                    .filter(t -> t.batch() == 1)
                                    .map(GpuResult.PeerTimes::ratio)
                                    .findFirst()
                                    .orElse(null),
                            true,
                            v -> String.format(Locale.ROOT, "%.2fx", v)));
                }
            }
            model.engines().stream()
                    .filter(engine -> engine.graph().equals(Workload.GUIDED_STEP))
                    .forEach(engine -> all.add(atMost(
                            model.name() + ", a guided step's difference from fp32",
                            engine.bound(),
                            engine.difference(),
                            true,
                            v -> String.format(Locale.ROOT, "%.1e", v))));
        }
        for (GpuResult.Demo demo : result.demos()) {
            all.add(new GpuTarget(
                    demo.name() + ", pictures against those in fp32",
                    String.format(Locale.ROOT, "at least %.0f dB", LEAST_PSNR),
                    String.format(Locale.ROOT, "%.1f dB", demo.leastPsnr()),
                    demo.leastPsnr() >= LEAST_PSNR));
            all.add(new GpuTarget(
                    demo.name() + ", " + demo.judged(),
                    "at least " + Format.percent(demo.rightInFp32()),
                    Format.percent(demo.right()),
                    demo.right() >= demo.rightInFp32()));
        }
        return all;
    }

    private static GpuTarget atMost(
            String what, double most, @Nullable Double measured, boolean judged, Function<Double, String> format) {
        return new GpuTarget(
                what,
                "at most " + format.apply(most),
                measured == null ? NOT_MEASURED : format.apply(measured),
                (measured == null || !judged) ? null : Boolean.valueOf(measured <= most));
    }
}

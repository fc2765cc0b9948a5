package org.maskrt.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.maskrt.perf.GuidedStepBench;
import org.maskrt.perf.PeakMemory;
import org.maskrt.perf.Samples;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code maskrt bench}. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        subcommands = {BenchTrainingCommand.class, BenchServingCommand.class},
        description = {
            "Milliseconds of one guided step at batch 1, beside the same step run eagerly by DJL in turn with it.",
            "Also the fraction of the speed of a large matrix product, measured in the same run. Samples are kept apart by the placement of"
                    + " the cores (near: they share a cache)."
        })
final class BenchCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--models",
            split = ",",
            paramLabel = "PRESET",
            description = "Presets (default: ${DEFAULT-VALUE}).")
    private List<String> models = List.of("MDTv2-S/2", "MDTv2-B/2");

    @Option(names = "--rounds", paramLabel = "N", description = "Pairs of runs of each (default: ${DEFAULT-VALUE}).")
    private int rounds = 20;

    @Option(names = "--threads", paramLabel = "N", description = "Threads of ONNX Runtime (default: one per core).")
    private int threads;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        GuidedStepBench.Report report;
        try (Progress progress = new Progress(quiet)) {
            report = GuidedStepBench.run(new GuidedStepBench.Options(models, rounds, threads), progress::update);
        }
        PrintWriter out = spec.commandLine().getOut();
        out.printf(Locale.ROOT, "matrix product 2048x2048x2048, fp32: %.0f GFLOP/s%n", report.gemmGflops());
        List<List<String>> rows = new ArrayList<>();
        for (GuidedStepBench.Measured m : report.models()) {
            for (Samples.Summary s : m.samples().summaries()) {
                rows.add(List.of(
                        m.preset(),
                        s.placement().name().toLowerCase(Locale.ROOT),
                        s.count() + "",
                        spread(s.median()),
                        spread(s.baseline()),
                        String.format(Locale.ROOT, "%.2f", s.ratio()),
                        String.format(
                                Locale.ROOT,
                                "%.0f %%",
                                100 * m.fraction(report.gemmGflops(), s.median().middle())),
                        String.format(Locale.ROOT, "%.1e", m.parity().relative())));
            }
        }
        out.print(Tables.of(
                List.of("model", "cores", "pairs", "ms (10-90 %)", "eager ms (10-90 %)", "ratio", "of product", "diff"),
                rows));
        PeakMemory.bytes()
                .ifPresent(bytes -> out.println("memory " + Tables.bytes(bytes) + " at the most, both together"));
        return 0;
    }

    static String spread(Samples.Spread s) {
        return String.format(Locale.ROOT, "%.1f (%.1f-%.1f)", s.middle(), s.low(), s.high());
    }
}

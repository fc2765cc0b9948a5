package org.maskrt.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.maskrt.perf.Samples;
import org.maskrt.perf.TrainingStepBench;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code maskrt bench training}. */
@Command(
        name = "training",
        mixinStandardHelpOptions = true,
        description = {
            "Milliseconds of one training step in fp32: full and masked pass, backward, AdamW, average.",
            "With --peer in turn with another program that makes the same step, and the ratio; perf/peers/mdt_training_step.py is one for PyTorch."
        })
final class BenchTrainingCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--model", paramLabel = "PRESET", description = "A preset (default: ${DEFAULT-VALUE}).")
    private String model = "MDTv2-S/2";

    @Option(names = "--batch", paramLabel = "N", description = "Latents in a step (default: ${DEFAULT-VALUE}).")
    private int batch = 8;

    @Option(names = "--rounds", paramLabel = "N", description = "Steps of each (default: ${DEFAULT-VALUE}).")
    private int rounds = 20;

    @Option(
            names = "--peer",
            paramLabel = "COMMAND",
            description = "The other program, such as 'python3 perf/peers/mdt_training_step.py'; split at spaces.")
    private String peer = "";

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        TrainingStepBench.Report report;
        List<String> command = peer.isBlank() ? List.of() : List.of(peer.strip().split("\\s+"));
        try (Progress progress = new Progress(quiet)) {
            report = TrainingStepBench.run(
                    new TrainingStepBench.Options(model, batch, rounds, command), progress::update);
        }
        PrintWriter out = spec.commandLine().getOut();
        out.printf(Locale.ROOT, "%s, batch %d, fp32, %,d parameters%n", model, batch, report.parameters());
        if (report.peer() != null) {
            out.println("peer: " + report.peer());
        }
        List<List<String>> rows = new ArrayList<>();
        for (Samples.Summary s : report.samples().summaries()) {
            List<String> row = new ArrayList<>(List.of(
                    s.placement().name().toLowerCase(Locale.ROOT), s.count() + "", BenchCommand.spread(s.median())));
            if (report.peer() != null) {
                row.add(BenchCommand.spread(s.baseline()));
                row.add(String.format(Locale.ROOT, "%.2f", s.ratio().middle()));
            }
            rows.add(row);
        }
        List<String> heads = new ArrayList<>(List.of("cores", "steps", "ms (10-90 %)"));
        if (report.peer() != null) {
            heads.addAll(List.of("peer ms (10-90 %)", "ratio"));
        }
        out.print(Tables.of(heads, rows));
        if (report.residentAtStart().isPresent() && report.residentAtEnd().isPresent()) {
            out.println("memory " + Tables.bytes(report.residentAtStart().getAsLong()) + " resident after warm-up, "
                    + Tables.bytes(report.residentAtEnd().getAsLong()) + " after the last step");
        }
        return 0;
    }
}

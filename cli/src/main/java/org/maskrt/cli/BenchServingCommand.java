package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.maskrt.perf.ServingBench;
import org.maskrt.perf.ServingBench.Served;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt bench serving}. */
@Command(
        name = "serving",
        mixinStandardHelpOptions = true,
        description = {
            "Latency and throughput of a server under Poisson arrivals of requests for one picture.",
            "One batch that requests join between steps (in flight), beside batches of what waits with the same steps and guidance that run whole:"
                    + " the same requests and arrival times, in turn."
        })
final class BenchServingCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "A model folder with exported graphs.")
    private Path model;

    @Option(names = "--requests", paramLabel = "N", description = "Requests of a round (default: ${DEFAULT-VALUE}).")
    private int requests = 200;

    @Option(
            names = "--load",
            paramLabel = "SHARE",
            description =
                    "Arrivals as a share of the rate at which whole batches serve a full queue, measured first (default: ${DEFAULT-VALUE}).")
    private double load = 0.8;

    @Option(
            names = "--steps",
            split = ",",
            paramLabel = "N",
            description = "Steps, of which each request takes one at random (default: ${DEFAULT-VALUE}).")
    private List<Integer> steps = List.of(10, 15, 20, 25, 30, 40, 50);

    @Option(
            names = "--cfg-scale",
            split = ",",
            paramLabel = "W",
            description = "Weights of guidance, of which each request takes one at random (default: ${DEFAULT-VALUE}).")
    private List<Double> scales = List.of(2.0, 3.0, 4.0);

    @Option(names = "--rounds", paramLabel = "N", description = "Rounds of both (default: ${DEFAULT-VALUE}).")
    private int rounds = 3;

    @Option(names = "--seed", description = "Seed of requests and arrivals (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Mixin
    private BackendOptions backend;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        ServingBench.Report report;
        try (Progress progress = new Progress(quiet)) {
            report = ServingBench.run(
                    new ServingBench.Options(
                            model,
                            backend.pipeline(),
                            new ServingBench.Traffic(requests, steps, scales, seed),
                            load,
                            rounds),
                    progress::update);
        }
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                Locale.ROOT,
                "service rate %.2f requests/s, arrivals %.2f requests/s%n",
                report.serviceRate(),
                report.arrivalRate());
        List<List<String>> rows = new ArrayList<>();
        for (int r = 0; r < report.rounds().size(); r++) {
            Served inFlight = report.rounds().get(r).inFlight();
            Served whole = report.rounds().get(r).whole();
            rows.add(row(r + 1 + "", "in flight", inFlight));
            rows.add(row("", "whole", whole));
            rows.add(List.of(
                    "",
                    "ratio",
                    number(inFlight.p50() / whole.p50()),
                    number(inFlight.p95() / whole.p95()),
                    number(inFlight.perSecond() / whole.perSecond())));
        }
        out.print(Tables.of(List.of("round", "batches", "p50 ms", "p95 ms", "requests/s"), rows));
        return 0;
    }

    private static List<String> row(String round, String name, Served served) {
        return List.of(
                round,
                name,
                String.format(Locale.ROOT, "%.0f", served.p50()),
                String.format(Locale.ROOT, "%.0f", served.p95()),
                number(served.perSecond()));
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }
}

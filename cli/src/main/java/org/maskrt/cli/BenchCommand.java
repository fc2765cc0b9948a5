package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.AtomicFiles;
import org.maskrt.perf.Spread;
import org.maskrt.perf.bench.Bench;
import org.maskrt.perf.bench.BenchReport;
import org.maskrt.perf.bench.BenchResult;
import org.maskrt.perf.bench.ColdStart;
import org.maskrt.perf.bench.Comparison;
import org.maskrt.perf.bench.Configuration;
import org.maskrt.perf.bench.Cost;
import org.maskrt.perf.bench.Format;
import org.maskrt.perf.bench.Limits;
import org.maskrt.perf.bench.Plan;
import org.maskrt.perf.bench.Protocol;
import org.maskrt.perf.bench.Times;
import org.maskrt.perf.bench.Workload;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt bench}. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        subcommands = {
            BenchTrainingCommand.class,
            BenchServingCommand.class,
            BenchSamplingCommand.class,
            BenchGpuCommand.class
        },
        description = {
            "Latency and memory of a model's graph, beside the limits of the machine, measured in the same run.",
            "Without a model: one guided step of MDTv2-S/2 and MDTv2-B/2, in turn with the same step run eagerly by DJL.",
            "With -o also as JSON and as a page with plots."
        })
final class BenchCommand implements Callable<Integer> {
    private static final List<String> MODELS = List.of("MDTv2-S/2", "MDTv2-B/2");
    private static final String NONE = "none";

    @Spec
    private CommandSpec spec;

    @Parameters(
            arity = "0..*",
            paramLabel = "MODEL",
            description = "Presets (random weights), model folders with onnx/, or ONNX files of other makers.")
    private List<String> models = new ArrayList<>();

    @Option(
            names = "--graph",
            paramLabel = "NAME",
            description =
                    "Which graph: guided_step, denoiser, transformer, conditioner, vae_decoder, ... (default: ${DEFAULT-VALUE}).")
    private String graph = Workload.DEFAULT.graph();

    @Option(
            names = "--batch",
            split = ",",
            paramLabel = "N",
            description = "Samples in a run, one number or several (default: ${DEFAULT-VALUE}).")
    private List<Integer> batches = new ArrayList<>(Workload.DEFAULT.batches());

    @Mixin
    private ConfigurationOptions configuration;

    @Option(
            names = "--against",
            paramLabel = "OPTIONS",
            description = {
                "What to run in turn with it: another model, an ONNX file that takes the same inputs, or other options of"
                        + " these, such as \"--threads 1\", \"--dtype fp16\" or \"--backend eager\"; may be given several times.",
                "Default: \"--backend eager\" where no model is named, otherwise none."
            })
    private List<String> against = new ArrayList<>();

    @Option(
            names = "--peer",
            paramLabel = "COMMAND",
            description =
                    "Another program to run in turn with it, such as 'python3 perf/peers/torch_step.py'; split at spaces; may be"
                            + " given several times.")
    private List<String> peers = new ArrayList<>();

    @Option(
            names = "--warm-up",
            paramLabel = "MS",
            description = "Milliseconds of runs that do not count (default: ${DEFAULT-VALUE}).")
    private double warmUp = Protocol.DEFAULT.warmUpMillis();

    @Option(names = "--iterations", paramLabel = "N", description = "Runs, at least (default: ${DEFAULT-VALUE}).")
    private int iterations = Protocol.DEFAULT.iterations();

    @Option(
            names = "--duration",
            paramLabel = "S",
            description = "Seconds of runs, at least (default: ${DEFAULT-VALUE}).")
    private double duration = Protocol.DEFAULT.durationSeconds();

    @Option(
            names = "--steps",
            paramLabel = "N",
            description =
                    "Steps of the whole generations whose stages are measured; 0 for none (default: ${DEFAULT-VALUE}).")
    private int steps = Workload.DEFAULT.steps();

    @Option(
            names = "--input-size",
            paramLabel = "N",
            description = "Height and width of a preset's latents (default: ${DEFAULT-VALUE}).")
    private int inputSize = Workload.DEFAULT.inputSize();

    @Option(names = "--seed", paramLabel = "SEED", description = "Of weights and inputs (default: ${DEFAULT-VALUE}).")
    private long seed = Workload.DEFAULT.seed();

    @Option(
            names = "--limits",
            paramLabel = "WHICH",
            description =
                    "Limits of the machine: measured, or those of a100, h100, h200 or l40s (default: ${DEFAULT-VALUE}).")
    private String limits = Limits.MEASURED;

    @Option(
            names = "--compare",
            paramLabel = "JSON",
            description = "Results of an older benchmark: says what is faster or slower now.")
    private @Nullable Path compare;

    @Option(
            names = "--tolerance",
            paramLabel = "PERCENT",
            description = "With --compare: exit code 4 where something is slower by more than this.")
    private @Nullable Double tolerance;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            description = "Folder for results.json and report.html.")
    private @Nullable Path output;

    @Option(names = "--force", description = "Replace results that are there already.")
    private boolean force;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        if (tolerance != null && compare == null) {
            throw new MaskRtException(
                    ExitCode.USAGE, "--tolerance " + tolerance + ": expected --compare with it; name older results");
        }
        requireFree();
        BenchResult before = compare == null ? null : BenchResult.read(compare);
        BenchResult result = measure();
        Comparison comparison = compare == null || before == null ? null : Comparison.of(compare, before, result);
        result.models().forEach(model -> print(model, result.limits()));
        print(result.run());
        if (output != null) {
            AtomicFiles.writeString(json(output), result.json());
            AtomicFiles.writeString(
                    html(output), BenchReport.of(result, comparison).html());
            out().println("results " + json(output) + ", " + html(output));
        }
        return comparison == null ? ExitCode.OK.value() : verdict(comparison);
    }

    private BenchResult measure() {
        Plan plan = new Plan(
                models.isEmpty() ? MODELS : models,
                new Workload(graph, batches, steps, inputSize, seed),
                configuration.configuration(),
                new Plan.Rivals(
                        rivals(), peers.stream().map(BenchCommand::words).toList()),
                new Protocol(warmUp, iterations, duration));
        AtomicBoolean cancelled = new AtomicBoolean();
        try (Progress progress = new Progress(quiet)) {
            return Interrupts.during(
                    () -> cancelled.set(true),
                    () -> Bench.run(plan, commandLine(), limits, (what, done, total) -> {
                        if (cancelled.get()) {
                            throw new MaskRtException(ExitCode.INTERRUPTED, "bench: interrupted at " + what);
                        }
                        progress.update(what, done, total);
                    }));
        }
    }

    private List<Plan.Rival> rivals() {
        List<String> texts =
                against.isEmpty() && models.isEmpty() ? List.of("--backend " + Configuration.EAGER) : against;
        return texts.stream()
                .filter(text -> !text.equals(NONE))
                .map(configuration::against)
                .toList();
    }

    static List<String> words(String text) {
        return List.of(text.strip().split("\\s+"));
    }

    private String commandLine() {
        return commandLine(spec);
    }

    /** The command as it was typed, words with spaces in quotes. */
    static String commandLine(CommandSpec spec) {
        return spec.root().commandLine().getParseResult().originalArgs().stream()
                .map(word -> word.matches("[\\w./:=,@%+-]+") ? word : "'" + word.replace("'", "'\\''") + "'")
                .collect(Collectors.joining(" ", "maskrt ", ""));
    }

    private void requireFree() {
        if (output != null && !force) {
            requireFree(output);
        }
    }

    /** @throws MaskRtException USAGE if there are results in {@code output} */
    static void requireFree(Path output) {
        for (Path file : List.of(json(output), html(output))) {
            if (Files.exists(file)) {
                throw new MaskRtException(
                        ExitCode.USAGE, file + ": is there already; name another folder, or replace it with --force");
            }
        }
    }

    /** Where figures go. */
    static Path json(Path folder) {
        return folder.resolve("results.json");
    }

    /** Where the page goes. */
    static Path html(Path folder) {
        return folder.resolve("report.html");
    }

    private void print(BenchResult.Model model, @Nullable Limits known) {
        out().println(model.name() + ", " + model.graph());
        List<List<String>> rows = new ArrayList<>();
        for (BenchResult.Contender contender : model.contenders()) {
            for (Times t : contender.times()) {
                rows.add(List.of(
                        contender.label(),
                        t.batch() + "",
                        Format.placement(t.placement()),
                        t.millis().size() + "",
                        Format.millis(t.percentiles().p50()),
                        Format.millis(t.percentiles().p90()),
                        Format.millis(t.percentiles().p99()),
                        String.format(Locale.ROOT, "%.2f", t.throughput()),
                        ratio(model, contender, t),
                        reached(model, t, known),
                        contender.difference() == null
                                ? ""
                                : String.format(Locale.ROOT, "%.1e", contender.difference())));
            }
        }
        out().print(Tables.of(
                List.of(
                        "",
                        "batch",
                        "cores",
                        "runs",
                        "50 %",
                        "90 %",
                        "99 %",
                        "samples/s",
                        "over first",
                        "of limit",
                        "diff"),
                rows));
        for (BenchResult.Contender contender : model.contenders()) {
            ColdStart cold = contender.cold();
            if (cold != null) {
                out().println(contender.label() + " on its own: first result after "
                        + Format.millis(cold.firstResultMillis()) + " (open " + Format.millis(cold.openMillis())
                        + ", first run " + Format.millis(cold.firstMillis()) + "), memory "
                        + Format.bytes(cold.memory().peakBytes()) + " at the most, "
                        + Format.bytes(cold.memory().allocatedPerRun()) + " allocated a run");
            }
        }
        out().println();
    }

    private static String ratio(BenchResult.Model model, BenchResult.Contender contender, Times t) {
        return model.ratios().stream()
                .filter(r -> r.contender().equals(contender.label())
                        && r.batch() == t.batch()
                        && r.placement() == t.placement())
                .map(r -> Format.ratio(r.interval().middle()) + " (" + Format.ends(r.interval()) + ")")
                .findFirst()
                .orElse("");
    }

    private static String reached(BenchResult.Model model, Times t, @Nullable Limits known) {
        for (Cost cost : model.costs()) {
            if (cost.batch() == t.batch() && known != null) {
                return Format.percent(
                        known.floorMillis(cost.total().flops(), cost.total().weightBytes())
                                / t.percentiles().p50());
            }
        }
        return "";
    }

    private void print(BenchResult.Run run) {
        if (run.otherPrograms() > 0.1) {
            out().println("other programs took " + Format.percent(run.otherPrograms())
                    + " of the cores meanwhile: absolute times are too long, ratios hold");
        }
    }

    private int verdict(Comparison comparison) {
        List<List<String>> rows = new ArrayList<>();
        for (Comparison.Row row : comparison.rows()) {
            rows.add(List.of(
                    row.model() + ", " + row.contender(),
                    row.batch() + "",
                    Format.placement(row.placement()),
                    Format.millis(row.before()),
                    Format.millis(row.now()),
                    Format.ratio(row.ratio().middle()),
                    Format.ends(row.ratio()),
                    row.verdict().label()));
        }
        out().print(Tables.of(
                List.of("compared with " + compare, "batch", "cores", "before", "now", "ratio", "99 %", "verdict"),
                rows));
        if (!comparison.sameMachine()) {
            out().println("the older results are of another machine");
        }
        if (tolerance == null) {
            return ExitCode.OK.value();
        }
        List<Comparison.Row> slower = comparison.slower(tolerance / 100);
        out().println(
                        slower.isEmpty()
                                ? "PASSED"
                                : "FAILED: " + slower.size() + " slower by more than " + tolerance + " %");
        return slower.isEmpty() ? ExitCode.OK.value() : ExitCode.TOLERANCE.value();
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }

    static String spread(Spread s) {
        return String.format(Locale.ROOT, "%.1f (%.1f-%.1f)", s.middle(), s.low(), s.high());
    }
}

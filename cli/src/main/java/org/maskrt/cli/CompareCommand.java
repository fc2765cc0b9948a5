package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.weights.AtomicFiles;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.perf.ClassAccuracy;
import org.maskrt.perf.ObjectFidelity;
import org.maskrt.perf.bench.BenchListener;
import org.maskrt.perf.bench.Configuration;
import org.maskrt.perf.bench.Format;
import org.maskrt.perf.compare.Compare;
import org.maskrt.perf.compare.CompareReport;
import org.maskrt.perf.compare.CompareResult;
import org.maskrt.perf.compare.Task;
import org.maskrt.perf.compare.Tolerances;
import org.maskrt.perf.compare.Variant;
import org.maskrt.perf.compare.VariantSpec;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.CustomizationRequest;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.trainer.data.Scenes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt compare}. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        description = {
            "Two variants of a model on the same pictures: signal to noise by step and by layer, the first layer that departs, PSNR and SSIM of the"
                    + " pictures, accuracy, and the ratio of times, in turn.",
            "A variant is MODEL[:WORDS]: a model folder or a folder of exported graphs, and words such as eager, fp32, fp16, int8, ort-mha, ort-cuda or trt"
                    + " (of --backend, --dtype and --attention of bench), or the name of a folder of graphs in the model folder.",
            "Exit code 4 if a tolerance that was given is not kept. With -o also as JSON and as a page with plots and pictures."
        })
final class CompareCommand implements Callable<Integer> {
    private static final int LOWEST = 5;
    private static final int STEPS = 6;

    @Spec
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "A", description = "The variant that the other is compared with.")
    private String first;

    @Parameters(index = "1", paramLabel = "B", description = "The other.")
    private String second;

    @Option(
            names = "--pictures",
            paramLabel = "N",
            description =
                    "Pictures, classes in turn; for an E-MD3C drawn objects and scenes (default: ${DEFAULT-VALUE}).")
    private int pictures = 32;

    @Option(
            names = "--max-batch",
            paramLabel = "N",
            description = "Pictures that are drawn at once, and whose steps are compared (default: ${DEFAULT-VALUE}).")
    private int batch = Compare.Options.DEFAULT.batch();

    @Option(names = "--threads", paramLabel = "N", description = "Threads of ONNX Runtime (default: one per core).")
    private int threads;

    @Option(
            names = "--path-steps",
            paramLabel = "N",
            description = "Steps at which layers are compared, spread evenly; 0 for none (default: ${DEFAULT-VALUE}).")
    private int pathSteps = Compare.Options.DEFAULT.pathSteps();

    @Option(
            names = "--departs",
            paramLabel = "DB",
            description = "A layer below this ratio of signal to noise departs (default: ${DEFAULT-VALUE}).")
    private double departs = Compare.Options.DEFAULT.departs();

    @Option(
            names = "--accuracy",
            description = {
                "Judge the pictures of a model of the drawn shapes by a classifier, trained on the spot, which takes a minute or two.",
                "Those of an E-MD3C are always judged, by its image encoder."
            })
    private boolean accuracy;

    @Option(names = "--min-psnr", paramLabel = "DB", description = "The least mean PSNR of the pictures.")
    private @Nullable Double minPsnr;

    @Option(names = "--min-ssim", paramLabel = "S", description = "The least mean SSIM of the pictures.")
    private @Nullable Double minSsim;

    @Option(
            names = "--min-snr",
            paramLabel = "DB",
            description = "The least signal to noise of the latents after any step, B on its own trajectory.")
    private @Nullable Double minSnr;

    @Option(
            names = "--max-accuracy-loss",
            paramLabel = "PERCENT",
            description = "The most percentage points of accuracy that B may lose; implies --accuracy.")
    private @Nullable Double maxAccuracyLoss;

    @Option(
            names = "--max-time-ratio",
            paramLabel = "R",
            description = "The most that a step of B may take, A being 1.")
    private @Nullable Double maxTimeRatio;

    @Mixin
    private SamplingOptions sampling;

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
        if (pictures < 1) {
            throw new MaskRtException(ExitCode.USAGE, "--pictures: expected 1 or more, got " + pictures);
        }
        Compare.Options options = new Compare.Options(batch, pathSteps, departs);
        Tolerances tolerances = new Tolerances(minPsnr, minSsim, minSnr, maxAccuracyLoss, maxTimeRatio);
        if (output != null && !force) {
            BenchCommand.requireFree(output);
        }
        Configuration defaults = new Configuration(Backend.DEFAULT, threads, null, null);
        VariantSpec a = VariantSpec.parse(first, defaults, VariantSpec.modelOf(second));
        VariantSpec b = VariantSpec.parse(second, defaults, a.model());
        Compare.Outcome outcome;
        CompareResult result;
        try (Variant ofA = Variant.open(a, sampling.guidedChannels(), batch);
                Variant ofB = Variant.open(b, sampling.guidedChannels(), batch)) {
            Task task = task(ofA);
            if (judgesClasses(task)) {
                AccuracyCommand.requireShapes(a.model(), ofA.pipeline().model().numClasses());
            }
            outcome = compare(ofA, ofB, task, options);
            result = judged(outcome, task, a.model());
        }
        print(result);
        if (output != null) {
            List<String> failures = tolerances.any() ? tolerances.failures(result) : null;
            AtomicFiles.writeString(BenchCommand.json(output), result.json());
            AtomicFiles.writeString(
                    BenchCommand.html(output),
                    CompareReport.of(result, outcome, failures).html());
            out().println("results " + BenchCommand.json(output) + ", " + BenchCommand.html(output));
        }
        tolerances.require(result);
        return ExitCode.OK.value();
    }

    private Task task(Variant a) {
        DiffusionPipeline pipeline = a.pipeline();
        if (pipeline.model() instanceof Emd3c) {
            Scenes scenes = DemoCustomizeCommand.scenes(pipeline, pictures);
            GenerationRequest how = sampling.request(pipeline, List.of(0));
            return new Task.OfObjects(
                    IntStream.range(0, pictures).mapToObj(scenes::label).toList(),
                    new CustomizationRequest(
                            DemoCustomizeCommand.pairs(scenes), how.seeds(), how.sampling(), how.guidance()));
        }
        int classes = pipeline.model().numClasses();
        List<Integer> labels =
                IntStream.range(0, pictures).mapToObj(i -> i % classes).toList();
        List<String> names = IntStream.range(0, classes)
                .mapToObj(label -> pipeline.classNames().getOrDefault(label, "class " + label))
                .toList();
        return new Task.OfClasses(names, sampling.request(pipeline, labels));
    }

    private Compare.Outcome compare(Variant a, Variant b, Task task, Compare.Options options) {
        AtomicBoolean cancelled = new AtomicBoolean();
        try (Progress progress = new Progress(quiet)) {
            BenchListener listener = (what, done, total) -> {
                if (cancelled.get()) {
                    throw new MaskRtException(ExitCode.INTERRUPTED, "compare: interrupted at " + what);
                }
                progress.update(what, done, total);
            };
            return Interrupts.during(
                    () -> cancelled.set(true),
                    () -> Compare.run(a, b, task, options, BenchCommand.commandLine(spec), listener));
        }
    }

    private boolean judgesClasses(Task task) {
        return task instanceof Task.OfClasses && (accuracy || maxAccuracyLoss != null);
    }

    private CompareResult judged(Compare.Outcome outcome, Task task, Path model) {
        if (judgesClasses(task)) {
            int size = outcome.a().images().get(0).width();
            try (ClassAccuracy judge = AccuracyCommand.judge(size, quiet)) {
                return outcome.result()
                        .with(new CompareResult.Accuracy(
                                "Class that was asked for",
                                judge.of(outcome.a().images(), task.labels()).accuracy(),
                                judge.of(outcome.b().images(), task.labels()).accuracy(),
                                task.count()));
            }
        }
        if (task instanceof Task.OfObjects objects) {
            ObjectFidelity.Verdict a = fidelity(model, objects, outcome.a());
            ObjectFidelity.Verdict b = fidelity(model, objects, outcome.b());
            if (a.compared() > 0) {
                return outcome.result()
                        .with(new CompareResult.Accuracy(
                                "Objects nearest to their own", a.share(), b.share(), a.compared()));
            }
        }
        return outcome.result();
    }

    private static ObjectFidelity.Verdict fidelity(Path model, Task.OfObjects task, Compare.Pictures drawn) {
        try (ModelFolder files = ModelFolder.open(model)) {
            Component<DinoV2> encoder =
                    files.imageEncoders().values().iterator().next();
            return ObjectFidelity.of(
                    encoder, files.pictureSize(encoder.model()), task.request().pairs(), task.labels(), drawn.images());
        }
    }

    private void print(CompareResult result) {
        out().println("A  " + result.a().name() + "  " + result.a().settings());
        out().println("B  " + result.b().name() + "  " + result.b().settings());
        out().println();
        printSteps(result.steps());
        printPaths(result.paths());
        Double ssim = result.meanSsim();
        out().println("pictures  PSNR " + CompareReport.decibels(result.meanPsnr()) + " in the mean of "
                + result.pictures().size() + ", " + CompareReport.decibels(result.leastPsnr()) + " at the least"
                + (ssim == null ? "" : String.format(Locale.ROOT, "; SSIM %.4f", ssim)));
        CompareResult.Accuracy judged = result.accuracy();
        if (judged != null) {
            out().printf(
                            Locale.ROOT,
                            "accuracy  %s: A %.1f %%, B %.1f %%, of %d pictures%n",
                            judged.what().toLowerCase(Locale.ROOT),
                            100 * judged.a(),
                            100 * judged.b(),
                            judged.pictures());
        }
        for (CompareResult.Time time : result.times()) {
            out().println("time      " + Format.ratio(time.ratio().middle()) + " (" + Format.ends(time.ratio())
                    + ") for a step of B, A being 1: " + Format.millis(time.b()) + ", " + Format.millis(time.a()) + "; "
                    + time.pairs() + " pairs, cores " + Format.placement(time.placement()) + "; " + time.said());
        }
    }

    private void printSteps(List<CompareResult.Step> steps) {
        List<List<String>> rows = new ArrayList<>();
        int shown = Math.min(STEPS, steps.size());
        for (int k = 0; k < shown; k++) {
            CompareResult.Step step = steps.get(shown == 1 ? 0 : k * (steps.size() - 1) / (shown - 1));
            rows.add(List.of(
                    step.step() + "", CompareReport.decibels(step.drift()), CompareReport.decibels(step.local())));
        }
        out().print(Tables.of(List.of("latents after step", "own trajectory", "one step on A's"), rows));
        out().println();
    }

    private void printPaths(CompareResult.@Nullable Paths paths) {
        if (paths == null) {
            return;
        }
        List<List<String>> rows = paths.rows().stream()
                .filter(row -> row.snr() != Double.POSITIVE_INFINITY)
                .sorted(Comparator.comparingDouble(CompareResult.Path::snr))
                .limit(LOWEST)
                .map(row -> List.of(row.path(), row.graph(), CompareReport.decibels(row.snr())))
                .toList();
        out().print(Tables.of(List.of("lowest of " + paths.rows().size() + " layers", "graph", "on A's inputs"), rows));
        out().println("layers    " + CompareReport.departure(paths));
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}

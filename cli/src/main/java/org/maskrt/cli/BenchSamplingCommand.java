package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.weights.AtomicFiles;
import org.maskrt.perf.ClassAccuracy;
import org.maskrt.perf.SamplingCurves;
import org.maskrt.perf.SamplingCurves.Measured;
import org.maskrt.perf.SamplingCurves.Way;
import org.maskrt.perf.SamplingReport;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.Sampling;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt bench sampling}. */
@Command(
        name = "sampling",
        mixinStandardHelpOptions = true,
        description = {
            "What fewer steps, DPM-Solver++ and reuse cost, on a model of the drawn shapes.",
            "Each way makes the same pictures as the sampler that the options name, in turn with it: time, drift (PSNR), class accuracy, and"
                    + " the Fréchet distance from drawn pictures, in the features of a classifier that is trained on the spot."
        })
final class BenchSamplingCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "A model folder with exported graphs, trained on 'shapes'.")
    private Path model;

    @Option(
            names = "--solver-steps",
            split = ",",
            paramLabel = "N",
            description = "Steps of DPM-Solver++(2M) (default: ${DEFAULT-VALUE}).")
    private List<Integer> solverSteps = List.of(10, 15, 20, 25);

    @Option(
            names = "--ddim-steps",
            split = ",",
            paramLabel = "N",
            description = "Steps of DDIM (default: ${DEFAULT-VALUE}).")
    private List<Integer> ddimSteps = List.of(10, 15, 20, 25);

    @Option(
            names = "--tolerances",
            split = ",",
            paramLabel = "T",
            description = "Tolerances of --reuse (default: ${DEFAULT-VALUE}).")
    private List<Double> tolerances = List.of(0.005, 0.02, 0.05, 0.1, 0.2, 0.5);

    @Option(
            names = "--per-class",
            paramLabel = "N",
            description = "Pictures of each class and way (default: ${DEFAULT-VALUE}).")
    private int perClass = 50;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description = "An HTML page with the curves.")
    private @Nullable Path output;

    @Mixin
    private SamplingOptions sampling;

    @Mixin
    private BackendOptions backend;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        List<Measured> measured;
        SamplingCurves.Pictures pictures;
        int classes;
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(model, backend.pipeline())) {
            classes = pipeline.model().numClasses();
            AccuracyCommand.requireShapes(model, classes);
            GenerationRequest request = sampling.request(pipeline, List.of(0));
            pictures = new SamplingCurves.Pictures(
                    perClass, request.seeds().values().get(0));
            List<Way> ways = ways(request);
            try (ClassAccuracy judge = AccuracyCommand.judge(pipeline.imageSize(), quiet);
                    Progress progress = new Progress(quiet)) {
                measured = SamplingCurves.run(pipeline, ways, pictures, judge, progress::update);
            }
        }
        PrintWriter out = spec.commandLine().getOut();
        out.print(Tables.of(
                SamplingReport.columns(),
                measured.stream().map(SamplingReport::row).toList()));
        if (output != null) {
            write(output, measured, perClass * classes);
            out.println(output);
        }
        return ExitCode.OK.value();
    }

    private List<Way> ways(GenerationRequest request) {
        List<Way> ways = new ArrayList<>();
        Sampling first = request.sampling();
        ways.add(new Way(first.method().label(), steps(first), first, request.guidance()));
        for (int steps : ddimSteps) {
            ways.add(new Way("ddim", steps, Sampling.ddim(Integer.toString(steps)), request.guidance()));
        }
        for (int steps : solverSteps) {
            ways.add(new Way("dpm-solver++", steps, Sampling.dpmSolver(Integer.toString(steps)), request.guidance()));
        }
        for (double tolerance : tolerances) {
            ways.add(new Way("reuse", tolerance, first, request.guidance().withReuse(tolerance)));
        }
        return ways;
    }

    private static int steps(Sampling sampling) {
        return Integer.parseInt(sampling.steps().replaceAll("\\D", ""));
    }

    private void write(Path file, List<Measured> measured, int pictures) {
        CommandLine top = spec.root().commandLine();
        String command = "maskrt " + String.join(" ", top.getParseResult().originalArgs());
        AtomicFiles.writeString(
                file,
                SamplingReport.of(measured, String.valueOf(model.getFileName()), pictures, command)
                        .html());
    }
}

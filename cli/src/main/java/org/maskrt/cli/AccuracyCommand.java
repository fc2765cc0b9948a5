package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.RgbImage;
import org.maskrt.perf.ClassAccuracy;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.trainer.TrainListener;
import org.maskrt.trainer.data.Shapes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt accuracy}. */
@Command(
        name = "accuracy",
        mixinStandardHelpOptions = true,
        description = {
            "Sample a model of the drawn shapes and count the pictures that show the class that was asked for.",
            "A small classifier, trained on the spot on drawn shapes, is the judge; its own accuracy on shapes it has not seen is printed too."
                    + " Exit code 4 if too few are right."
        })
final class AccuracyCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "A model folder with exported graphs, trained on 'shapes'.")
    private Path model;

    @Option(
            names = "--per-class",
            paramLabel = "N",
            description = "Pictures of each class (default: ${DEFAULT-VALUE}).")
    private int perClass = 50;

    @Option(
            names = "--min-accuracy",
            paramLabel = "SHARE",
            description = "The share that must be right (default: ${DEFAULT-VALUE}).")
    private double minAccuracy = 0.95;

    @Mixin
    private SamplingOptions sampling;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        GenerationResult result;
        List<String> names = new ArrayList<>();
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(model, PipelineOptions.DEFAULT)) {
            requireShapes(model, pipeline.model().numClasses());
            List<Integer> classes = SampleCommand.allClasses(pipeline);
            classes.forEach(label -> names.add(pipeline.classNames().getOrDefault(label, String.valueOf(label))));
            GenerationRequest request = sampling.request(pipeline, SampleCommand.repeated(classes, perClass));
            result = SampleCommand.generate(pipeline, request, quiet);
        }
        RgbImage first = result.images().get(0);
        try (ClassAccuracy judge = judge(first.width(), quiet)) {
            return print(judge, judge.of(result), names);
        }
    }

    /** Refuses models of other pictures than the classifier is trained on. */
    static void requireShapes(Path model, int classes) {
        int drawn = new Shapes(8, 0, 1).numClasses();
        if (classes != drawn) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    model + ": expected a model of the " + drawn + " drawn shapes, received one of " + classes
                            + " classes; only those pictures can be judged");
        }
    }

    /** Trains the classifier of pictures of this size. */
    static ClassAccuracy judge(int size, boolean quiet) {
        AtomicBoolean cancelled = new AtomicBoolean();
        try (Progress progress = new Progress(quiet)) {
            TrainListener listener = new TrainListener() {
                private long total;

                @Override
                public void stage(String name, long done, long all) {
                    total = all;
                }

                @Override
                public void progress(long done, Map<String, Float> metrics) {
                    progress.update("classifier", done, total);
                }
            };
            return Interrupts.during(
                    () -> cancelled.set(true), () -> ClassAccuracy.ofShapes(size, listener, cancelled::get));
        }
    }

    private int print(ClassAccuracy judge, ClassAccuracy.Verdict verdict, List<String> names) {
        PrintWriter out = spec.commandLine().getOut();
        List<String> header = new ArrayList<>(List.of("asked for \\ seen"));
        header.addAll(names);
        List<List<String>> rows = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            List<String> row = new ArrayList<>(List.of(names.get(i)));
            for (int n : verdict.confusion()[i]) {
                row.add(n == 0 ? "." : String.valueOf(n));
            }
            rows.add(row);
        }
        out.print(Tables.of(header, rows));
        out.printf(
                Locale.ROOT,
                "classifier on %d drawn pictures it has not seen: %.1f %%%n",
                judge.heldOut().total(),
                100 * judge.heldOut().accuracy());
        out.printf(
                Locale.ROOT,
                "generated pictures of the class asked for: %d of %d, %.1f %% (at least %.1f %% wanted)%n",
                verdict.right(),
                verdict.total(),
                100 * verdict.accuracy(),
                100 * minAccuracy);
        return verdict.accuracy() >= minAccuracy ? ExitCode.OK.value() : ExitCode.TOLERANCE.value();
    }
}

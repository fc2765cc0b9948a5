package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.Cancellation;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.MemoryPlanner;
import org.maskrt.runtime.ProgressListener;
import org.maskrt.runtime.SampleWriter;
import org.maskrt.runtime.Timings;
import org.maskrt.runtime.device.MemoryUse;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt sample}. */
@Command(
        name = "sample",
        mixinStandardHelpOptions = true,
        description = {
            "Make pictures with an exported model folder.",
            "Writes 000000.png and so on (parameters inside), samples_NxHxWx3.npz for evaluators, and grid.png."
        })
final class SampleCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "A model folder with onnx/ (see 'maskrt export').")
    private Path model;

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "DIR",
            description = "Where the pictures go.")
    private Path output;

    @Option(
            names = "--class-labels",
            split = ",",
            paramLabel = "CLASS",
            description = "Classes by index or name, comma-separated (default: each once).")
    private @Nullable List<String> classes;

    @Option(
            names = "--per-class",
            paramLabel = "N",
            description = "Pictures of each class (default: ${DEFAULT-VALUE}).")
    private int perClass = 1;

    @Mixin
    private SamplingOptions sampling;

    @Mixin
    private BackendOptions backend;

    @Option(names = "--force", description = "Replace pictures that are there already.")
    private boolean force;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(model, backend.pipeline())) {
            printMemory(spec.commandLine().getOut(), pipeline);
            GenerationRequest request = sampling.request(pipeline, repeated(labels(pipeline, classes), perClass));
            GenerationResult result = generate(pipeline, request, quiet);
            SampleWriter.Written written = new SampleWriter(output, force, pipeline.classNames()).write(result);
            print(spec.commandLine().getOut(), result, written);
        }
        return 0;
    }

    /** The classes of {@code --class-labels}, or every class. */
    static List<Integer> labels(DiffusionPipeline pipeline, @Nullable List<String> classes) {
        return classes == null
                ? allClasses(pipeline)
                : classes.stream().map(name -> pipeline.classIndex(name.trim())).toList();
    }

    /** Every class of a model. */
    static List<Integer> allClasses(DiffusionPipeline pipeline) {
        return IntStream.range(0, pipeline.model().numClasses()).boxed().toList();
    }

    /** Each label {@code --per-class} times, one after the other. */
    static List<Integer> repeated(List<Integer> labels, int perClass) {
        if (perClass < 1) {
            throw new MaskRtException(ExitCode.USAGE, "--per-class: expected 1 or more, got " + perClass);
        }
        return labels.stream()
                .flatMap(label -> Collections.nCopies(perClass, label).stream())
                .toList();
    }

    /** Generates with a progress bar, until the end or Ctrl-C. */
    static GenerationResult generate(DiffusionPipeline pipeline, GenerationRequest request, boolean quiet) {
        return watched(quiet, (listener, cancellation) -> pipeline.generate(request, listener, cancellation));
    }

    /** Work that says how far it is, and can be ended. */
    @FunctionalInterface
    interface Watched<R> {
        R run(ProgressListener listener, Cancellation cancellation);
    }

    /** Runs {@code work} with a progress bar, until the end or Ctrl-C. */
    static <R> R watched(boolean quiet, Watched<R> work) {
        Cancellation cancellation = new Cancellation();
        try (Progress progress = new Progress(quiet)) {
            return Interrupts.during(
                    cancellation::cancel,
                    () -> work.run((stage, done, total) -> progress.update(stage.label(), done, total), cancellation));
        }
    }

    static void print(PrintWriter out, GenerationResult result, SampleWriter.Written written) {
        print(out, result.timings());
        out.println(result.images().size() + " pictures: " + written.grid() + ", " + written.archive());
    }

    /** How the device's memory is shared, where it has to be. */
    static void printMemory(PrintWriter out, DiffusionPipeline pipeline) {
        pipeline.memoryChoices().forEach(out::println);
    }

    static void print(PrintWriter out, Timings t) {
        out.printf(
                Locale.ROOT,
                "load %.2f s, condition %.2f s, denoise %.2f s (%d steps, %.1f ms per step, %d passes of rows), decode %.2f s%n",
                t.loadMillis() / 1e3,
                t.conditionMillis() / 1e3,
                t.denoiseMillis() / 1e3,
                t.steps(),
                t.millisPerStep(),
                t.passes(),
                t.decodeMillis() / 1e3);
        MemoryUse memory = t.memory();
        if (memory != null) {
            out.println("device memory of all processes, at most: " + MemoryPlanner.text(memory.cuda()) + " by CUDA"
                    + (memory.nvml() < 0 ? "" : ", " + MemoryPlanner.text(memory.nvml()) + " by NVML") + ", of "
                    + MemoryPlanner.text(memory.total()));
        }
    }
}

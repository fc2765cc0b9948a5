package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.exporter.ExportReport;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.OnnxExporter;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.perf.PeakMemory;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.GuidanceOptions;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.SampleWriter;
import org.maskrt.runtime.Sampling;
import org.maskrt.runtime.Seeds;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code maskrt demo}. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        subcommands = DemoCustomizeCommand.class,
        description = {
            "From the shipped model to pictures: export it, prove the export equal to the eager model, sample a labelled grid.",
            "The model is an MDT v2 and an autoencoder trained with 'maskrt train' on drawn shapes."
        })
final class DemoCommand implements Callable<Integer> {
    private static final Set<String> GRAPHS = Set.of("conditioner", "guided_step", "denoiser", "vae_decoder");
    private static final double GUIDANCE = 4;

    @Spec
    private CommandSpec spec;

    @Option(names = "--model", paramLabel = "DIR", description = "Another model folder (default: the shipped one).")
    private @Nullable Path model;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            description = "Where the pictures go (default: out/demo in the repository).")
    private @Nullable Path output;

    @Option(
            names = "--per-class",
            paramLabel = "N",
            description = "Pictures of each class (default: ${DEFAULT-VALUE}).")
    private int perClass = 4;

    @Option(
            names = {"--num-sampling-steps", "--steps"},
            paramLabel = "N",
            description = "Steps of DDIM (default: ${DEFAULT-VALUE}).")
    private String steps = "50";

    @Option(names = "--seed", description = "Seed of the first column (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        Path folder = model == null ? shipped("shapes") : model;
        export(folder, GRAPHS, out, quiet);
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, PipelineOptions.DEFAULT)) {
            List<Integer> labels = SampleCommand.repeated(SampleCommand.allClasses(pipeline), perClass);
            List<Long> seeds = IntStream.range(0, labels.size())
                    .mapToObj(i -> seed + i % perClass)
                    .toList();
            GenerationRequest request = GenerationRequest.of(labels)
                    .with(Sampling.ddim(steps))
                    .with(new GuidanceOptions(
                            new Guidance.PowerCosine(
                                    GUIDANCE, 1, pipeline.schedule().trainTimesteps()),
                            GuidedChannels.ALL,
                            0))
                    .with(Seeds.perImage(seeds));
            GenerationResult result = SampleCommand.generate(pipeline, request, quiet);
            Path pictures = output == null ? root().resolve("out/demo") : output;
            SampleWriter.Written written = new SampleWriter(pictures, true, pipeline.classNames()).write(result);
            out.print("sample   ");
            SampleCommand.print(out, result, written);
            PeakMemory.bytes().ifPresent(bytes -> out.println("memory   " + Tables.bytes(bytes) + " at the most"));
            out.println("pictures " + written.grid().toAbsolutePath().normalize());
        }
        return 0;
    }

    /** Exports what is not up to date of {@code graphs}, all channels guided. */
    static void export(Path folder, Set<String> graphs, PrintWriter out, boolean quiet) {
        long started = System.nanoTime();
        ExportOptions options = ExportOptions.DEFAULT
                .withStyle(GraphStyle.DEFAULT.with(GraphStyle.Attention.ORT_MHA))
                .withGraphs(graphs)
                .withGuided(GuidedChannels.ALL);
        try (ModelFolder files = ModelFolder.open(folder);
                Progress progress = new Progress(quiet)) {
            Path onnx = folder.resolve("onnx");
            OnnxExporter probe = new OnnxExporter(options, new EagerJudges(), (graph, stage, fraction) -> {});
            if (ExportCommand.isCurrent(files, onnx, probe, graphs)) {
                out.println("export   " + onnx + " is up to date");
                return;
            }
            List<ExportReport> reports = ExportCommand.export(files, onnx, options, progress);
            progress.end();
            double worst =
                    reports.stream().mapToDouble(r -> r.worst().orElse(0)).max().orElse(0);
            out.printf(
                    Locale.ROOT,
                    "export   %d graphs in %.1f s, equal to the eager model within %.1e of max|out| (limit %.0e)%n",
                    reports.size(),
                    (System.nanoTime() - started) / 1e9,
                    worst,
                    options.validation().tolerance());
        }
    }

    /** The folder of a shipped model. */
    static Path shipped(String name) {
        Path folder = root().resolve("models/demo").resolve(name);
        if (!Files.isDirectory(folder)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder.toAbsolutePath()
                            + ": expected the repository's model there; start ./maskrt from a clone, or name a model folder"
                            + " with --model");
        }
        return folder;
    }

    /** The repository. */
    static Path root() {
        return Path.of(System.getProperty("maskrt.root", ""));
    }
}

package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.runtime.SelfCheck;
import org.maskrt.runtime.trt.EngineBuilds;
import org.maskrt.runtime.trt.EngineStore;
import org.maskrt.runtime.trt.ExportedGraph;
import org.maskrt.runtime.trt.GpuRuntime;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt refit}. */
@Command(
        name = "refit",
        mixinStandardHelpOptions = true,
        description = {
            "Give a fine-tuned model's weights to engines of the model that it was made from, instead of building its own.",
            "MODEL's engines must have been built with --refit (with --strip, they take MODEL's own weights too). The results go to"
                    + " FOLDER/engine; MODEL keeps its engines."
        })
final class RefitCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "A model folder with engines.")
    private Path model;

    @Option(
            names = "--weights",
            required = true,
            paramLabel = "FOLDER",
            description = "The model folder with the other weights, of the same configuration.")
    private Path weights;

    @Option(
            names = "--graphs",
            split = ",",
            paramLabel = "NAME",
            description = "Only these graphs (default: all that MODEL has engines of).")
    private @Nullable List<String> graphs;

    @Option(
            names = "--guided-channels",
            paramLabel = "WHICH",
            description = "Channels that guided_step guides, as for 'maskrt export'.")
    private @Nullable GuidedChannels channels;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        GpuRuntime runtime = GpuRuntime.open();
        runtime.requireParser();
        PrintWriter out = spec.commandLine().getOut();
        EngineStore donors = new EngineStore(model);
        List<String> wanted = graphs == null ? donors.built() : graphs;
        List<String> names = TensorRtExport.export(weights, style(donors, wanted), wanted, channels, out, quiet);
        TensorRtExport.export(weights, GraphStyle.DEFAULT, SelfCheck.references(names), channels, out, quiet);
        try (EngineProgress progress = new EngineProgress(quiet)) {
            EngineBuilds builds = EngineWorkerMain.builds(runtime, progress);
            Interrupts.during(builds::cancel, () -> {
                for (String graph : names) {
                    BuildCommand.print(out, progress, graph, builds.refit(donors, new EngineStore(weights), graph));
                }
                return names;
            });
        }
        return 0;
    }

    /** As the donor was exported; autoencoders, which have a type of their own, do not tell. */
    private static GraphStyle style(EngineStore donors, List<String> names) {
        String graph = names.stream()
                .filter(name -> !name.startsWith("vae_"))
                .findFirst()
                .orElse(names.get(0));
        ExportedGraph like = donors.newest(graph).source();
        return GraphStyle.tensorrt(ExportCommand.dtype("dtype", like.dtype()))
                .with(ExportCommand.choice("bias", like.bias(), GraphStyle.Bias.values()));
    }
}

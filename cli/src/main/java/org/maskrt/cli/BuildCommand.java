package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.runtime.SelfCheck;
import org.maskrt.runtime.trt.Batches;
import org.maskrt.runtime.trt.EngineBuilds;
import org.maskrt.runtime.trt.EngineOptions;
import org.maskrt.runtime.trt.EngineOptions.Trait;
import org.maskrt.runtime.trt.EngineSidecar.Result;
import org.maskrt.runtime.trt.EngineStore;
import org.maskrt.runtime.trt.Gpu;
import org.maskrt.runtime.trt.GpuRuntime;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt build}. */
@Command(
        name = "build",
        mixinStandardHelpOptions = true,
        description = {
            "Build a TensorRT engine for each graph of a model folder, on the GPU that is to run them.",
            "Graphs that are missing or out of date are exported first. Engines go to MODEL/engine/GRAPH; one that is there and fits is"
                    + " left, one that does not fit is an error that says why unless --rebuild is given."
        })
final class BuildCommand implements Callable<Integer> {
    /** GPUs by the names that --gpu takes. */
    enum Target {
        A100(80),
        H100(90),
        H200(90),
        L40S(89),
        AUTO(0);

        private final int sm;

        Target(int sm) {
            this.sm = sm;
        }
    }

    private static final Pattern SIZE = Pattern.compile("(\\d{1,12})([kmg]?)", Pattern.CASE_INSENSITIVE);

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "A model folder.")
    private Path model;

    @Option(
            names = "--gpu",
            paramLabel = "NAME",
            description = "a100, h100, h200, l40s, or auto for the one that is there (default: ${DEFAULT-VALUE}).")
    private Target gpu = Target.AUTO;

    @Option(names = "--dtype", paramLabel = "TYPE", description = "bf16, fp16 or fp32 (default: ${DEFAULT-VALUE}).")
    private String dtype = "bf16";

    @Option(
            names = "--batch",
            paramLabel = "MIN:OPT:MAX",
            description = "Batches that engines take, or one number (default: ${DEFAULT-VALUE}).")
    private String batch = "1:2:8";

    @Option(
            names = "--graphs",
            split = ",",
            paramLabel = "NAME",
            description = "Only these graphs (default: all that the folder has, without inpaint and transformer).")
    private @Nullable List<String> graphs;

    @Option(
            names = "--bias",
            paramLabel = "FORM",
            description = "The relative position bias, as for 'maskrt export' (default: ${DEFAULT-VALUE}).")
    private String bias = "constant";

    @Option(
            names = "--guided-channels",
            paramLabel = "WHICH",
            description = "Channels that guided_step guides, as for 'maskrt export'.")
    private @Nullable GuidedChannels channels;

    @Option(
            names = "--opt-level",
            paramLabel = "N",
            description = "How long TensorRT searches, 0 to 5 (default: ${DEFAULT-VALUE}).")
    private int level = 3;

    @Option(
            names = "--workspace",
            paramLabel = "BYTES",
            description = "Device memory that a kernel may use for itself at most, such as 4g (default: all there is).")
    private String workspace = "0";

    @Option(
            names = "--hardware-compatible",
            description = "Engines for every GPU from Ampere on; slower, and attention may not be fused.")
    private boolean hardwareCompatible;

    @Option(names = "--refit", description = "Engines that take other weights, see 'maskrt refit'.")
    private boolean refittable;

    @Option(names = "--strip", description = "Store engines without weights, to carry them; see 'maskrt refit'.")
    private boolean stripped;

    @Option(names = "--rebuild", description = "Build engines anew that are there.")
    private boolean rebuild;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        EngineOptions options = new EngineOptions(Batches.parse(batch), level, bytes(workspace), traits());
        GraphStyle style = GraphStyle.tensorrt(ExportCommand.dtype("--dtype", dtype))
                .with(ExportCommand.choice("--bias", bias, GraphStyle.Bias.values()));
        GpuRuntime runtime = GpuRuntime.open();
        runtime.requireParser();
        requireTarget(runtime.gpu());
        PrintWriter out = spec.commandLine().getOut();
        out.println("gpu      " + runtime.gpu() + ", TensorRT " + runtime.tensorRtVersion());
        List<String> names = TensorRtExport.export(model, style, graphs, channels, out, quiet);
        TensorRtExport.export(model, GraphStyle.DEFAULT, SelfCheck.references(names), channels, out, quiet);
        try (EngineProgress progress = new EngineProgress(quiet)) {
            EngineBuilds builds = EngineWorkerMain.builds(runtime, progress);
            Interrupts.during(builds::cancel, () -> {
                for (String graph : names) {
                    print(out, progress, graph, builds.build(new EngineStore(model), graph, options, rebuild));
                }
                return names;
            });
        }
        return 0;
    }

    private Set<Trait> traits() {
        Set<Trait> traits = EnumSet.noneOf(Trait.class);
        if (hardwareCompatible) {
            traits.add(Trait.HARDWARE_COMPATIBLE);
        }
        if (refittable) {
            traits.add(Trait.REFITTABLE);
        }
        if (stripped) {
            traits.add(Trait.STRIPPED);
        }
        return traits;
    }

    private void requireTarget(Gpu found) {
        if (gpu.sm != 0 && gpu.sm != found.sm() && !hardwareCompatible) {
            throw new MaskRtException(
                    ExitCode.ENVIRONMENT,
                    "--gpu: expected an " + gpu + " (sm_" + gpu.sm + "), CUDA's first GPU is " + found
                            + "; build on such a GPU, choose one with CUDA_VISIBLE_DEVICES, or give --hardware-compatible");
        }
    }

    /** {@code 512m} to bytes. */
    static long bytes(String text) {
        Matcher is = SIZE.matcher(text);
        if (!is.matches()) {
            throw new MaskRtException(
                    ExitCode.USAGE, "--workspace: expected bytes such as 512m or 4g, got '" + text + "'");
        }
        int shift = switch (is.group(2).toLowerCase(Locale.ROOT)) {
            case "k" -> 10;
            case "m" -> 20;
            case "g" -> 30;
            default -> 0;
        };
        return Long.parseLong(is.group(1)) << shift;
    }

    /** One line about an engine. */
    static void print(PrintWriter out, EngineProgress progress, String graph, EngineBuilds.Ready ready) {
        progress.end();
        Result result = ready.file().sidecar().result();
        List<String> facts = new ArrayList<>();
        facts.add(ready.made() ? String.format(Locale.ROOT, "made in %.0f s", result.seconds()) : "up to date");
        facts.add(Tables.bytes(result.planBytes()));
        if (result.attention() > 0) {
            facts.add(result.fusedAttention() + " of " + result.attention() + " attentions fused");
        }
        out.println("engine   " + graph + ": " + String.join(", ", facts) + "  "
                + ready.file().plan());
    }
}

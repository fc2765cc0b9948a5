package org.maskrt.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.weights.AtomicFiles;
import org.maskrt.perf.bench.BenchListener;
import org.maskrt.perf.bench.Format;
import org.maskrt.perf.bench.GpuBench;
import org.maskrt.perf.bench.GpuDemos;
import org.maskrt.perf.bench.GpuReport;
import org.maskrt.perf.bench.GpuResult;
import org.maskrt.perf.bench.GpuTarget;
import org.maskrt.perf.bench.Limits;
import org.maskrt.perf.bench.Machine;
import org.maskrt.runtime.LoopMeter;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.SelfCheck;
import org.maskrt.runtime.trt.Batches;
import org.maskrt.runtime.trt.EngineBuilds;
import org.maskrt.runtime.trt.EngineOptions;
import org.maskrt.runtime.trt.EngineStore;
import org.maskrt.runtime.trt.Gpu;
import org.maskrt.runtime.trt.GpuRuntime;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt bench gpu}. */
@Command(
        name = "gpu",
        mixinStandardHelpOptions = true,
        description = {
            "Build TensorRT engines and measure all about them on this machine's GPU: attention fused or not, time per step and image, memory, build"
                    + " time, sizes, difference from fp32; beside the limits of the GPU, PyTorch, and the targets.",
            "Without a model: MDTv2-XL/2 at 256 pixels and emd3c-512 with random weights, and the pictures of the shipped models.",
            "Writes results.json and report.html to the folder of -o; models with random weights and their engines go there too and are"
                    + " taken again by the next run."
        })
final class BenchGpuCommand implements Callable<Integer> {
    private static final List<String> MODELS = List.of("MDTv2-XL/2", "emd3c-512");
    private static final String NONE = "none";
    private static final String SCRIPT = "perf/peers/torch_cuda_step.py";
    private static final String SHAPES = "shapes";
    private static final String SCENES = "scenes";
    private static final int PICTURES = 100;
    private static final int PATIENCE_SECONDS = 120;

    @Spec
    private CommandSpec spec;

    @Parameters(
            arity = "0..*",
            paramLabel = "MODEL",
            description = "Presets (random weights) or model folders (default: MDTv2-XL/2 and emd3c-512).")
    private List<String> models = new ArrayList<>();

    @Option(names = "--dtype", paramLabel = "TYPE", description = "bf16, fp16 or fp32 (default: ${DEFAULT-VALUE}).")
    private String dtype = "bf16";

    @Option(
            names = "--batch",
            split = ",",
            paramLabel = "N",
            description =
                    "Pictures in a step, one number or several; engines take all of them and are fastest with the first named (default:"
                            + " ${DEFAULT-VALUE}).")
    private List<Integer> batches = new ArrayList<>(List.of(1, 2, 4, 8, 16));

    @Option(names = "--steps", paramLabel = "N", description = "Steps of DDIM (default: ${DEFAULT-VALUE}).")
    private int steps = 50;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description = "Generations of each batch, and timings of all their steps (default: ${DEFAULT-VALUE}).")
    private int rounds = 10;

    @Option(
            names = "--a100",
            description = "Also project steps to an A100, from the efficiency that the kernels have here.")
    private boolean a100;

    @Option(
            names = "--peer",
            paramLabel = "COMMAND",
            description = {
                "Another program to run in turn; split at spaces; may be given several times; 'none' for none.",
                "Default: PyTorch, eager and compiled ('python3 " + SCRIPT
                        + "', and with --compile), where it is there."
            })
    private List<String> peers = new ArrayList<>();

    @Option(
            names = "--opt-level",
            paramLabel = "N",
            description = "How long TensorRT searches, 0 to 5 (default: ${DEFAULT-VALUE}).")
    private int level = 3;

    @Option(names = "--rebuild", description = "Build engines anew that are there.")
    private boolean rebuild;

    @Option(names = "--seed", paramLabel = "SEED", description = "Of random weights (default: ${DEFAULT-VALUE}).")
    private long seed = 1;

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "DIR",
            description = "Folder for results.json, report.html, and models with random weights (about 10 GB each).")
    private Path output;

    @Option(names = "--force", description = "Replace results that are there already.")
    private boolean force;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    private final AtomicBoolean cancelled = new AtomicBoolean();

    @Override
    public Integer call() {
        GraphStyle style = GraphStyle.tensorrt(ExportCommand.choice("--dtype", dtype, GraphStyle.Precision.values()));
        int most = batches.stream().mapToInt(Integer::intValue).max().orElse(0);
        int least = batches.stream().mapToInt(Integer::intValue).min().orElse(0);
        EngineOptions options = new EngineOptions(new Batches(least, batches.get(0), most), level, 0, Set.of());
        GpuBench.Plan plan = new GpuBench.Plan(dtype, batches, steps, rounds, List.of());
        if (!force) {
            BenchCommand.requireFree(output);
        }
        GpuRuntime runtime = GpuRuntime.open();
        runtime.requireParser();
        out().println("gpu      " + runtime.gpu() + ", TensorRT " + runtime.tensorRtVersion());
        List<String> notes = new ArrayList<>();
        GpuResult result;
        try (Progress progress = new Progress(quiet)) {
            BenchListener listener = (what, done, total) -> {
                if (cancelled.get()) {
                    throw new MaskRtException(ExitCode.INTERRUPTED, "bench gpu: interrupted at " + what);
                }
                progress.update(what, done, total);
            };
            GpuBench bench = new GpuBench(runtime.platform(), LoopMeter::open, plan.withPeers(peers(notes)), listener);
            List<GpuResult.Model> measured = new ArrayList<>();
            for (String name : models.isEmpty() ? MODELS : models) {
                Path folder = GpuBench.folder(name, place(name), seed);
                build(runtime, folder, style, options, null);
                measured.add(Interrupts.during(() -> cancelled.set(true), () -> bench.measure(name, folder)));
                progress.end();
            }
            result = result(runtime, measured, demos(runtime, style, options), notes);
        }
        AtomicFiles.writeString(BenchCommand.json(output), result.json());
        AtomicFiles.writeString(BenchCommand.html(output), GpuReport.of(result).html());
        print(result);
        out().println("results  " + BenchCommand.json(output) + ", " + BenchCommand.html(output));
        return ExitCode.OK.value();
    }

    private Path place(String name) {
        return output.resolve("models").resolve(name.replaceAll("[^A-Za-z0-9.]+", "-") + "-seed" + seed);
    }

    private void build(
            GpuRuntime runtime,
            Path model,
            GraphStyle style,
            EngineOptions options,
            @Nullable GuidedChannels channels) {
        List<String> names = TensorRtExport.export(model, style, null, channels, out(), quiet);
        TensorRtExport.export(model, GraphStyle.DEFAULT, SelfCheck.references(names), channels, out(), quiet);
        try (EngineProgress progress = new EngineProgress(quiet)) {
            EngineBuilds builds = EngineWorkerMain.builds(runtime, progress);
            Interrupts.during(builds::cancel, () -> {
                for (String graph : names) {
                    EngineBuilds.Ready ready = builds.build(new EngineStore(model), graph, options, rebuild);
                    BuildCommand.print(out(), progress, graph, ready);
                    prefer(ready.file().plan());
                }
                return names;
            });
        }
    }

    /** Of several engines that fit, the newest runs: it is to be the one that was asked for. */
    private static void prefer(Path plan) {
        try {
            Files.setLastModifiedTime(plan, FileTime.from(Instant.now()));
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    plan + ": its time cannot be set: " + e.getMessage() + "; check the permissions of its folder",
                    e);
        }
    }

    /** The pictures of the shipped models, if nothing else was named. */
    private List<GpuResult.Demo> demos(GpuRuntime runtime, GraphStyle style, EngineOptions options) {
        if (!models.isEmpty()) {
            return List.of();
        }
        GpuDemos demos = new GpuDemos(PipelineOptions.DEFAULT.withBackend("trt"), steps, PICTURES);
        for (String name : List.of(SHAPES, SCENES)) {
            build(runtime, DemoCommand.shipped(name), style, options, GuidedChannels.ALL);
        }
        return Interrupts.during(
                () -> cancelled.set(true),
                () -> List.of(
                        demos.shapes(DemoCommand.shipped(SHAPES), cancelled::get),
                        demos.scenes(DemoCommand.shipped(SCENES))));
    }

    private List<List<String>> peers(List<String> notes) {
        if (!peers.isEmpty()) {
            return peers.stream()
                    .filter(text -> !text.equals(NONE))
                    .map(BenchCommand::words)
                    .toList();
        }
        String script = DemoCommand.root().resolve(SCRIPT).toString();
        if (!Files.isRegularFile(Path.of(script)) || !hasTorch()) {
            notes.add("PyTorch with CUDA and safetensors was not found for python3, so nothing is compared with it.");
            return List.of();
        }
        return List.of(List.of("python3", script), List.of("python3", script, "--compile"));
    }

    private static boolean hasTorch() {
        try {
            Process python = new ProcessBuilder(
                            "python3",
                            "-c",
                            "import safetensors, torch; raise SystemExit(not torch.cuda.is_available())")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (!python.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                python.destroyForcibly();
                return false;
            }
            return python.exitValue() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private GpuResult result(
            GpuRuntime runtime, List<GpuResult.Model> measured, List<GpuResult.Demo> demos, List<String> notes) {
        Gpu gpu = runtime.gpu();
        Limits limits = Limits.ofKnownGpu(gpu.name());
        if (limits == null) {
            notes.add("The data sheet of " + gpu.name()
                    + " is not in the table, so there are neither floors nor projections.");
        }
        return new GpuResult(
                GpuResult.SCHEMA,
                new GpuResult.Run(
                        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                        BenchCommand.commandLine(spec),
                        Machine.here(Map.of("tensorrt", runtime.tensorRtVersion())),
                        gpu,
                        dtype,
                        steps,
                        notes),
                limits,
                a100 ? Limits.ofGpu("a100") : null,
                measured,
                demos);
    }

    private void print(GpuResult result) {
        for (GpuResult.Model model : result.models()) {
            List<List<String>> rows = new ArrayList<>();
            for (GpuResult.Steps s : model.steps()) {
                rows.add(List.of(
                        s.batch() + "",
                        Format.millis(s.median()),
                        String.format(Locale.ROOT, "%.3f", s.imageSeconds()),
                        Format.bytes(s.peak().cuda())));
            }
            out().println(model.name());
            out().print(Tables.of(List.of("batch", "step", "s per image", "peak memory"), rows));
        }
        for (GpuResult.Projection p : result.projections()) {
            out().printf(
                            Locale.ROOT,
                            "projected to an A100, not measured: %s, batch %d, %s per step, %.3f s per image%n",
                            p.model(),
                            p.batch(),
                            Format.millis(p.millis()),
                            p.imageSeconds());
        }
        List<List<String>> rows = new ArrayList<>();
        for (GpuTarget target : result.targets()) {
            rows.add(List.of(target.what(), target.target(), target.measured(), GpuReport.verdict(target.met())));
        }
        out().print(Tables.of(List.of("targets", "target", "measured", ""), rows));
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}

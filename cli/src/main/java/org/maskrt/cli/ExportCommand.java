package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.exporter.ExportListener;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.exporter.ExportReport;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.OnnxExporter;
import org.maskrt.exporter.graphs.ModelGraphs;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.Weights;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt export}. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description = {
            "Write a model folder's inference graphs as ONNX, check them, and compare them with the eager model.",
            "Graphs: transformer, conditioner, denoiser, guided_step, ccnet (E-MD3C), vae_encoder, vae_decoder, image_encoder. The side-interpolater is not in them: in"
                    + " inference it is the addition of the decoder position embedding.",
            "The graph inpaint (MDT), which keeps the side-interpolater for 'maskrt inpaint', is made where --graphs names it.",
            "With --target tensorrt the steps read tables by index (guided_step, half_step), and transformer is made where --graphs names it."
        })
final class ExportCommand implements Callable<Integer> {
    private static final String INT8 = GraphStyle.Precision.INT8.toString();

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "A model folder.")
    private Path model;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            description =
                    "Where the graphs go (default: MODEL/onnx, where 'sample' finds them; MODEL/onnx-tensorrt for tensorrt).")
    private @Nullable Path output;

    @Option(
            names = "--graphs",
            split = ",",
            paramLabel = "NAME",
            description = "Only these graphs (default: all that the folder has, without inpaint).")
    private @Nullable List<String> graphs;

    @Option(
            names = "--attention",
            paramLabel = "FORM",
            description =
                    "decomposed (MatMul, Softmax, MatMul: any runtime) or ort-mha (ONNX Runtime's fused node) (default:"
                            + " ort-mha; decomposed for tensorrt).")
    private @Nullable String attention;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "fp32, fp16 or, for tensorrt, bf16 (default: fp32; bf16 for tensorrt).")
    private @Nullable String dtype;

    @Option(
            names = "--quantize",
            paramLabel = "WHAT",
            description = {
                "int8: linear layers of the blocks as integer products, activations by their range in each run; 2 to 3 times as fast on a CPU, and"
                        + " changes pictures slightly (see docs/performance.md).",
                "A table of scales ('maskrt calibrate'): the layers that it names between QuantizeLinear and DequantizeLinear, also for tensorrt (default:"
                        + " none)."
            })
    private @Nullable String quantize;

    @Option(
            names = "--bias",
            paramLabel = "FORM",
            description =
                    "The relative position bias: constant (gathered, [1,H,N,N]) or gather (from its table, by ONNX Runtime when it loads the graph, by"
                            + " TensorRT in each step: less memory, more time) (default: constant; gather for onnxruntime with --quantize).")
    private @Nullable String bias;

    @Option(names = "--batch", paramLabel = "N", description = "dynamic, or a fixed batch (default: ${DEFAULT-VALUE}).")
    private String batch = "dynamic";

    @Option(
            names = "--target",
            paramLabel = "RUNTIME",
            description = "onnxruntime or tensorrt: whose fast forms are used (default: ${DEFAULT-VALUE}).")
    private String target = "onnxruntime";

    @Option(
            names = "--guided-channels",
            paramLabel = "WHICH",
            description =
                    "Channels that guided_step guides: reference (the first three) or all (default: as the model's authors sample).")
    private @Nullable GuidedChannels channels;

    @Option(
            names = "--atol",
            paramLabel = "T",
            description =
                    "Largest max|diff|/max|reference| allowed (default: 1e-5 for fp32, 2e-2 for fp16, 5e-2 for int8; for tensorrt 3e-3 for fp16, 1e-2 for bf16).")
    private @Nullable Double tolerance;

    @Option(names = "--no-validate", description = "Do not compare with the eager model.")
    private boolean noValidate;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        ExportOptions options = options();
        try (ModelFolder folder = ModelFolder.open(model);
                Progress progress = new Progress(quiet)) {
            folder.warnings().forEach(w -> spec.commandLine().getErr().println("warning: " + w));
            folder.requireFinite();
            Path onnx = output == null
                    ? folder.path().resolve(options.style().target().folder())
                    : output;
            long started = System.nanoTime();
            GuidedChannels guided = channels == null ? folder.denoiser().guidedChannels() : channels;
            List<ExportReport> reports = export(folder, onnx, options.withGuided(guided), progress);
            progress.end();
            PrintWriter out = spec.commandLine().getOut();
            for (ExportReport report : reports) {
                out.println(report.folder()
                        + (report.worst().isPresent()
                                ? String.format(
                                        Locale.ROOT,
                                        "  equal to the eager model within %.1e of max|out|",
                                        report.worst().getAsDouble())
                                : "  not compared"));
            }
            out.printf(Locale.ROOT, "%d graphs in %.1f s%n", reports.size(), (System.nanoTime() - started) / 1e9);
        }
        return 0;
    }

    private ExportOptions options() {
        GraphStyle.Target runtime = choice("--target", target, GraphStyle.Target.values());
        boolean tensorrt = runtime == GraphStyle.Target.TENSORRT;
        GraphStyle style = new GraphStyle(
                choice(
                        "--attention",
                        attention != null ? attention : tensorrt ? "decomposed" : "ort-mha",
                        GraphStyle.Attention.values()),
                precision(tensorrt),
                runtime,
                bias == null
                        ? GraphStyle.Bias.usual(runtime, quantize != null)
                        : choice("--bias", bias, GraphStyle.Bias.values()),
                scales());
        ExportOptions options =
                ExportOptions.of(style).withBatch(batch.equals("dynamic") ? Shape.BATCH : number(batch));
        if (graphs != null) {
            options = options.withGraphs(new LinkedHashSet<>(graphs));
        }
        if (noValidate) {
            return options.withValidation(ExportOptions.Validation.off());
        }
        return tolerance == null
                ? options
                : options.withValidation(new ExportOptions.Validation(
                        true, tolerance, options.validation().seed()));
    }

    private @Nullable ScaleTable scales() {
        if (quantize == null || quantize.equals(INT8)) {
            return null;
        }
        Path table = Path.of(quantize);
        if (!Files.isRegularFile(table)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "--quantize: expected int8, or a table of scales that 'maskrt calibrate' wrote, got '" + quantize
                            + "', and there is no such file");
        }
        return ScaleTable.read(table);
    }

    private GraphStyle.Precision precision(boolean tensorrt) {
        if (INT8.equals(quantize)) {
            if (dtype != null && !dtype.equals("fp32")) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        "--quantize: expected --dtype fp32 for what is not quantised, got '" + dtype
                                + "'; leave one out");
            }
            return GraphStyle.Precision.INT8;
        }
        return dtype("--dtype", dtype != null ? dtype : tensorrt ? "bf16" : "fp32");
    }

    /** A type of all that a graph computes, so not int8. */
    static GraphStyle.Precision dtype(String option, String name) {
        return choice(option, name, new GraphStyle.Precision[] {
            GraphStyle.Precision.FP32, GraphStyle.Precision.FP16, GraphStyle.Precision.BF16
        });
    }

    private static int number(String batch) {
        try {
            return Integer.parseInt(batch);
        } catch (NumberFormatException e) {
            throw new MaskRtException(
                    ExitCode.USAGE, "--batch: expected 'dynamic' or a number, got '" + batch + "'", e);
        }
    }

    static <E extends Enum<E>> E choice(String option, String name, E[] values) {
        return choice(option, name, values, E::toString);
    }

    static <E extends Enum<E>> E choice(String option, String name, E[] values, Function<E, String> label) {
        List<String> names = new ArrayList<>();
        for (E value : values) {
            if (label.apply(value).equals(name.toLowerCase(Locale.ROOT))) {
                return value;
            }
            names.add(label.apply(value));
        }
        throw new MaskRtException(ExitCode.USAGE, option + ": expected one of " + names + ", got '" + name + "'");
    }

    /** The graphs that the folder can give. */
    static Set<String> available(ModelFolder folder) {
        Denoiser denoiser = folder.denoiser();
        Set<String> names =
                new LinkedHashSet<>(List.of("transformer", "conditioner", "denoiser", "guided_step", "half_step"));
        if (denoiser instanceof MdtDenoiser
                && folder.transformerWeights().keys().contains("mask_token")) {
            names.add("inpaint");
        }
        if (denoiser instanceof Emd3c) {
            names.add("ccnet");
        }
        if (folder.hasAutoencoder()) {
            names.addAll(List.of("vae_encoder", "vae_decoder"));
        }
        names.addAll(folder.imageEncoders().keySet());
        return names;
    }

    /** Whether each of {@code graphs} is there and was made from the folder's weights as {@code exporter} makes it. */
    static boolean isCurrent(ModelFolder folder, Path onnx, OnnxExporter exporter, Set<String> graphs) {
        Map<Weights, Set<String>> byWeights = new LinkedHashMap<>();
        for (String graph : graphs) {
            Weights weights = folder.transformerWeights();
            if (graph.startsWith("vae_")) {
                weights = folder.vaeWeights();
            } else if (folder.imageEncoders().containsKey(graph)) {
                weights = folder.imageEncoders().get(graph).weights();
            }
            byWeights.computeIfAbsent(weights, w -> new LinkedHashSet<>()).add(graph);
        }
        return byWeights.entrySet().stream()
                .allMatch(entry -> exporter.isCurrent(entry.getValue(), entry.getKey(), onnx));
    }

    /** All graphs of {@code options} that the folder can give. */
    static List<ExportReport> export(ModelFolder folder, Path onnx, ExportOptions options, Progress progress) {
        ExportListener listener = (graph, stage, fraction) ->
                progress.update(graph + " " + stage.label(), Math.round(1000 * fraction), 1000);
        Denoiser denoiser = folder.denoiser();
        List<ExportReport> reports = new ArrayList<>();
        OnnxExporter exporter = new OnnxExporter(options, new EagerJudges(), listener);
        reports.addAll(exporter.export(denoiser, folder.transformerWeights(), onnx));
        if (folder.hasAutoencoder()) {
            int size = denoiser.inputSize() * folder.autoencoder().config().downsampling();
            reports.addAll(exporter.export(folder.autoencoder(), size, folder.vaeWeights(), onnx));
        }
        folder.imageEncoders().forEach((name, encoder) -> {
            int size = folder.pictureSize(encoder.model());
            reports.addAll(exporter.export(
                    new ModelGraphs.ImageEncoder(encoder.model(), name, size), encoder.weights(), onnx));
        });
        if (reports.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder.path() + ": expected parts for some of the graphs " + options.graphs() + " of the target "
                            + options.style().target() + ", received none; name other graphs, or add the parts");
        }
        return reports;
    }
}

package org.maskrt.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.AtomicFiles;
import org.maskrt.perf.metrics.Evaluation;
import org.maskrt.perf.metrics.Inception;
import org.maskrt.perf.metrics.Metric;
import org.maskrt.perf.metrics.PixelRange;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt evaluate}. */
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        description = {
            "Compare generated pictures with a reference: FID, sFID, Inception Score, precision and recall of features, and SSIM, PSNR, LPIPS"
                    + " and DINO score of pairs.",
            "Both sets are folders of pictures, or .npz archives with pictures (arr_0), features (pool, spatial, logits or probabilities) or"
                    + " statistics (mu, sigma, mu_s, sigma_s). The networks are yours, as ONNX files (.onnx) or"
                    + " TorchScript modules (.pt, .ts)."
        })
final class EvaluateCommand implements Callable<Integer> {
    private static final int SCHEMA = 1;

    @Spec
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "REFERENCE", description = "A folder or an .npz archive.")
    private Path reference;

    @Parameters(index = "1", paramLabel = "SAMPLES", description = "A folder or an .npz archive.")
    private Path samples;

    @Option(
            names = "--metrics",
            split = ",",
            paramLabel = "METRIC",
            description = {
                "Any of fid, sfid, inception_score, precision, recall, ssim, psnr, lpips, dino, comma-separated.",
                "Default: all that the features and networks given allow; ssim and psnr where none are given."
            })
    private @Nullable Set<Metric> metrics;

    @Option(
            names = "--inception",
            paramLabel = "FILE",
            description = "A classifier with the outputs pool, spatial, logits or probabilities, or some of them.")
    private @Nullable Path inception;

    @Option(
            names = "--inception-pixels",
            paramLabel = "RANGE",
            description = {
                "What it takes: bytes (0 to 255), unit (0 to 1), signed (-1 to 1) or imagenet (normalised).",
                "Default: ${DEFAULT-VALUE}."
            })
    private PixelRange pixels = PixelRange.BYTES;

    @Option(
            names = "--inception-output",
            split = ",",
            paramLabel = "OUTPUT=NAME",
            description = "What the graph calls an output, such as pool=2048.")
    private Map<String, String> outputs = new LinkedHashMap<>();

    @Option(
            names = "--softmax-weights",
            paramLabel = "NPY",
            description = "Weights [features,classes] of a last layer, for the Inception Score of pool features.")
    private @Nullable Path softmaxWeights;

    @Option(
            names = "--lpips",
            paramLabel = "FILE",
            description = "A network that takes two batches of pictures, -1 to 1, and gives their distances.")
    private @Nullable Path lpips;

    @Option(
            names = "--dino",
            paramLabel = "FILE",
            description = "A network that takes a batch of pictures, normalised as ImageNet's, and gives features.")
    private @Nullable Path dino;

    @Option(
            names = "--size",
            paramLabel = "PIXELS",
            description = "Crop and resize the pictures of folders to squares, as ADM does (default: leave them).")
    private int size = Evaluation.Options.DEFAULT.size();

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Pictures that go through the classifier at once (default: ${DEFAULT-VALUE}).")
    private int batch = Evaluation.Options.DEFAULT.batch();

    @Option(names = "--threads", paramLabel = "N", description = "Threads of ONNX Runtime (default: one per core).")
    private int threads = Evaluation.Options.DEFAULT.threads();

    @Option(
            names = "--reference-rows",
            paramLabel = "N",
            description =
                    "The most pictures that precision and recall take of the reference (default: ${DEFAULT-VALUE}).")
    private int referenceRows = Evaluation.Options.DEFAULT.referenceRows();

    @Option(
            names = "--sample-rows",
            paramLabel = "N",
            description = "The most that they take of the samples (default: ${DEFAULT-VALUE}).")
    private int sampleRows = Evaluation.Options.DEFAULT.sampleRows();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "JSON",
            description = "A file for the numbers.")
    private @Nullable Path output;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        Evaluation evaluation = new Evaluation(
                reference,
                samples,
                new Evaluation.Networks(
                        inception == null ? null : new Inception(inception, pixels, outputs),
                        softmaxWeights,
                        lpips,
                        dino),
                new Evaluation.Options(size, batch, threads, referenceRows, sampleRows));
        Set<Metric> wanted = metrics == null ? EnumSet.noneOf(Metric.class) : metrics;
        AtomicBoolean cancelled = new AtomicBoolean();
        Evaluation.Report report;
        try (Progress progress = new Progress(quiet)) {
            report = Interrupts.during(
                    () -> cancelled.set(true),
                    () -> evaluation.run(wanted, (what, done, total) -> {
                        if (cancelled.get()) {
                            throw new MaskRtException(ExitCode.INTERRUPTED, "evaluate: interrupted at " + what);
                        }
                        progress.update(what, done, total);
                    }));
        }
        print(report);
        if (output != null) {
            AtomicFiles.writeString(output, json(report).toPrettyString() + "\n");
        }
        return ExitCode.OK.value();
    }

    private void print(Evaluation.Report report) {
        PrintWriter out = spec.commandLine().getOut();
        List<List<String>> rows = new ArrayList<>();
        report.values()
                .forEach((metric, value) ->
                        rows.add(List.of(metric.title(), String.format(Locale.ROOT, "%.4f", value))));
        out.print(Tables.of(List.of("metric", "value"), rows));
        out.println((report.reference() == 0 ? "reference statistics" : report.reference() + " reference pictures")
                + ", " + (report.samples() == 0 ? "sample statistics" : report.samples() + " samples"));
    }

    private ObjectNode json(Evaluation.Report report) {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("schema", SCHEMA);
        root.putObject("reference").put("path", reference.toString()).put("pictures", report.reference());
        root.putObject("samples").put("path", samples.toString()).put("pictures", report.samples());
        ObjectNode networks = root.putObject("networks");
        putPath(networks, "inception", inception);
        putPath(networks, "softmax_weights", softmaxWeights);
        putPath(networks, "lpips", lpips);
        putPath(networks, "dino", dino);
        ObjectNode values = root.putObject("metrics");
        report.values().forEach((metric, value) -> values.put(metric.key(), value));
        return root;
    }

    private static void putPath(ObjectNode node, String key, @Nullable Path path) {
        if (path != null) {
            node.put(key, path.toString());
        }
    }
}

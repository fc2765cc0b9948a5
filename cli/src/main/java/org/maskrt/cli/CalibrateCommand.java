package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.maskrt.calibration.Calibration;
import org.maskrt.calibration.Calibrator;
import org.maskrt.calibration.ClippingMethod;
import org.maskrt.calibration.Format;
import org.maskrt.calibration.MixedPrecision;
import org.maskrt.calibration.Network;
import org.maskrt.calibration.Observations;
import org.maskrt.calibration.Provenance;
import org.maskrt.calibration.QuantisedPaths;
import org.maskrt.calibration.RangeOps.Scope;
import org.maskrt.calibration.Recipe;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.calibration.Trajectories;
import org.maskrt.calibration.Trajectories.Picture;
import org.maskrt.exporter.OnnxExporter;
import org.maskrt.exporter.TransformerNetwork;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.perf.PeakMemory;
import org.maskrt.runtime.Customization;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.ObjectInputs;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Seeds;
import org.maskrt.trainer.data.Pair;
import org.maskrt.trainer.data.PairFolder;
import org.maskrt.trainer.data.PairSource;
import org.maskrt.trainer.data.Scenes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt calibrate}. */
@Command(
        name = "calibrate",
        mixinStandardHelpOptions = true,
        description = {
            "Sample pictures with a model, record what its linear layers read over all timesteps, and make a table of 8-bit scales of that,"
                    + " which 'maskrt export --quantize TABLE' takes.",
            "Ended in any way, it goes on after the last whole picture. What was recorded stays beside the table: another --clipping or --format"
                    + " takes it from there."
        })
final class CalibrateCommand implements Callable<Integer> {
    /** Of drawn scenes; training draws from its own seed. */
    private static final long UNSEEN = 2_000_003;

    /** Which runtime the model runs in meanwhile. */
    enum Collector {
        onnxruntime,
        eager
    }

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "MODEL",
            description = "A model folder; that of an E-MD3C with onnx/ (see 'maskrt export').")
    private Path model;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "TABLE",
            description = "Where the table goes (default: MODEL/scales.json).")
    private @Nullable Path output;

    @Option(names = "--pictures", paramLabel = "N", description = "Pictures to sample (default: ${DEFAULT-VALUE}).")
    private int count = 16;

    @Option(
            names = "--class-labels",
            split = ",",
            paramLabel = "CLASS",
            description = "Classes of the pictures by index or name, in turn (default: drawn).")
    private @Nullable List<String> classes;

    @Option(
            names = "--pairs",
            paramLabel = "DIR",
            description = "For an E-MD3C: a folder with source/, target/ and mask/ (default: drawn scenes).")
    private @Nullable Path pairs;

    @Mixin
    private SamplingOptions sampling;

    @Option(names = "--format", paramLabel = "FORMAT", description = "int8 or fp8_e4m3 (default: ${DEFAULT-VALUE}).")
    private String format = "int8";

    @Option(
            names = "--clipping",
            paramLabel = "METHOD",
            description = "minmax, percentile:P, entropy or mse (default: ${DEFAULT-VALUE}).")
    private String clipping = "mse";

    @Option(
            names = "--no-smoothing",
            description = "Do not balance channels where that would lower a layer's error (SmoothQuant).")
    private boolean noSmoothing;

    @Option(names = "--no-bias-correction", description = "Do not take the mean error of a layer off its bias.")
    private boolean noBiasCorrection;

    @Option(
            names = "--quantize-attention",
            description = "Scales for the operands of attentions' products too (fp8_e4m3 on TensorRT).")
    private boolean attentions;

    @Option(
            names = "--drift-psnr",
            paramLabel = "DB",
            description =
                    "Measure the drift of each layer alone, on whole trajectories, and keep as few layers as they are as let"
                            + " the latents of the others together reach this ratio (default: quantise all).")
    private @Nullable Double driftPsnr;

    @Option(
            names = "--drift-pictures",
            paramLabel = "N",
            description = "Pictures that drift is measured on, the first of --pictures (default: ${DEFAULT-VALUE}).")
    private int driftPictures = 2;

    @Option(
            names = "--bins",
            paramLabel = "N",
            description = "Intervals of timesteps that are recorded apart (default: ${DEFAULT-VALUE}).")
    private int bins = 10;

    @Option(
            names = "--groups",
            paramLabel = "N",
            description =
                    "Groups of these intervals with activation scales of their own, for ONNX Runtime: the steps' graphs then take the timestep"
                            + " (default: ${DEFAULT-VALUE}).")
    private int groups = 1;

    @Option(
            names = "--timesteps",
            paramLabel = "FROM-TO",
            description = "Make the scales of what was recorded at these timesteps alone (default: of all).")
    private @Nullable String timesteps;

    @Option(
            names = "--rows",
            paramLabel = "N",
            description = "Rows of each layer and interval that are kept as they are (default: ${DEFAULT-VALUE}).")
    private int rows = 16;

    @Option(
            names = "--collector",
            paramLabel = "RUNTIME",
            description = "Where the model runs: onnxruntime, or eager (default: ${DEFAULT-VALUE}).")
    private Collector collector = Collector.onnxruntime;

    @Option(
            names = "--report",
            paramLabel = "DIR",
            description =
                    "Write what was seen and chosen there: report.html with plots of ranges over timesteps and of drift, and the plots as SVG files.")
    private @Nullable Path report;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        if (count < 1) {
            throw new MaskRtException(ExitCode.USAGE, "--pictures: expected 1 or more, got " + count);
        }
        if (driftPictures < 1) {
            throw new MaskRtException(ExitCode.USAGE, "--drift-pictures: expected 1 or more, got " + driftPictures);
        }
        Recipe recipe = new Recipe(
                ExportCommand.choice("--format", format, Format.values(), Format::label),
                ClippingMethod.parse(clipping),
                groups,
                !noSmoothing,
                !noBiasCorrection);
        Path table = output == null ? model.resolve("scales.json") : output;
        long started = System.nanoTime();
        try (ModelFolder folder = ModelFolder.open(model);
                Progress progress = new Progress(quiet)) {
            folder.warnings().forEach(w -> spec.commandLine().getErr().println("warning: " + w));
            folder.requireFinite();
            Sampled sampled = sampled(folder.denoiser());
            String sha = OnnxExporter.sha256(
                    folder.transformerWeights(),
                    fraction -> progress.update("hash", Math.round(1000 * fraction), 1000));
            Map<String, String> settings = new TreeMap<>(sampled.settings);
            settings.put("bins", Integer.toString(bins));
            settings.put("rows", Integer.toString(rows));
            settings.put("collector", collector.name());
            settings.put("attentions", Boolean.toString(attentions));
            Observations observations = observe(folder, sampled, sha + " " + settings, table, progress);
            String name = folder.denoiser().getClass().getSimpleName();
            Provenance provenance = new Provenance(name, sha, new Main.Version().getVersion()[0], settings);
            if (timesteps != null) {
                List<Long> wantedTimesteps = SamplingOptions.numbers(timesteps);
                observations =
                        observations.between(wantedTimesteps.get(0), wantedTimesteps.get(wantedTimesteps.size() - 1));
                settings.put("timesteps", timesteps);
            }
            ScaleTable made = new Calibrator(recipe, observations)
                    .table(
                            provenance,
                            folder.transformerWeights(),
                            (done, total) -> progress.update("scales", done, total));
            MixedPrecision.Found found =
                    driftPsnr == null ? null : within(driftPsnr, made, folder, sampled, table, progress);
            ScaleTable chosen = found == null ? made : found.table();
            chosen.write(table);
            progress.end();
            print(chosen, table, (System.nanoTime() - started) / 1e9);
            if (found != null) {
                out().printf(
                                Locale.ROOT,
                                "drift    latents at %.1f dB with %d layers kept, %.1f wanted%n",
                                found.together(),
                                chosen.kept().size(),
                                driftPsnr);
            }
            if (report != null) {
                new CalibrationReport(observations, chosen, found == null ? Map.of() : found.alone())
                        .write(report, model.toString(), BenchCommand.commandLine(spec));
                out().println("report   " + report.resolve("report.html"));
            }
        }
        return 0;
    }

    /** What is sampled, and how, in words. */
    private record Sampled(Trajectories trajectories, List<Picture> pictures, Map<String, String> settings) {}

    private Sampled sampled(Denoiser denoiser) {
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(model, PipelineOptions.DEFAULT)) {
            GenerationRequest request = sampling.request(pipeline, List.of());
            Seeds seeds = request.seeds();
            if (seeds.rng() != Seeds.Rng.PER_IMAGE || seeds.values().size() > 1) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        "--rng, --seeds: expected one seed and a stream for each picture, got " + seeds
                                + "; give --seed alone");
            }
            long seed = seeds.values().get(0);
            Trajectories trajectories = new Trajectories(
                    denoiser,
                    pipeline.schedule().respace(request.sampling().steps()),
                    new Trajectories.Guided(
                            request.guidance().guidance(), request.guidance().channels()));
            List<Picture> pictures =
                    denoiser.conditionWidth() == 0 ? ofClasses(pipeline, seed) : ofPairs(pipeline, seed);
            Map<String, String> settings = new TreeMap<>(Map.of(
                    "pictures", Integer.toString(count),
                    "seed", Long.toString(seed),
                    "steps", request.sampling().steps(),
                    "guidance", request.guidance().toString()));
            if (denoiser.conditionWidth() == 0) {
                settings.put(
                        "classes",
                        pictures.stream()
                                .map(p -> Long.toString(p.condition().indices()[0]))
                                .collect(Collectors.joining(",")));
            } else {
                settings.put("pairs", pairs == null ? "drawn" : pairs.toString());
            }
            return new Sampled(trajectories, pictures, settings);
        }
    }

    private List<Picture> ofClasses(DiffusionPipeline pipeline, long seed) {
        List<Integer> named = classes == null ? List.of() : SampleCommand.labels(pipeline, classes);
        Random random = new Random(seed);
        List<Picture> pictures = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int label = named.isEmpty() ? random.nextInt(pipeline.model().numClasses()) : named.get(i % named.size());
            pictures.add(new Picture(seed + i, Tensor.ofIndices(new long[] {label}, 1), null));
        }
        return pictures;
    }

    private List<Picture> ofPairs(DiffusionPipeline pipeline, long seed) {
        PairSource source = pairs == null
                ? new Scenes(Scenes.sizeFor(pipeline.imageSize()), UNSEEN, count)
                : new PairFolder(pairs, warning -> spec.commandLine().getErr().println("warning: " + warning));
        List<Customization> customizations = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Pair pair = source.get(i % source.count());
            customizations.add(new Customization(pair.object(), pair.mask(), pair.target(), pair.box()));
        }
        ObjectInputs inputs = pipeline.objectInputs(customizations);
        List<Picture> pictures = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            pictures.add(new Picture(seed + i, row(inputs.conditions(), i), row(inputs.hints(), i)));
        }
        return pictures;
    }

    private static Tensor row(Tensor rows, int i) {
        Shape shape = rows.shape().with(0, 1);
        float[] values = new float[shape.size()];
        System.arraycopy(rows.values(), i * values.length, values, 0, values.length);
        return Tensor.of(values, shape);
    }

    private Observations observe(ModelFolder folder, Sampled sampled, String run, Path table, Progress progress) {
        Predicate<String> wanted = attentions ? QuantisedPaths.LINEARS_AND_ATTENTIONS : QuantisedPaths.LINEARS;
        Scope scope = attentions ? Scope.LINEARS_AND_ATTENTIONS : Scope.LINEARS;
        Path place = table.toAbsolutePath().resolveSibling(table.getFileName() + ".recorded");
        Calibration calibration = new Calibration(
                sampled.trajectories,
                sampled.pictures,
                wanted,
                new Observations(sampled.trajectories.bins(bins), rows));
        AtomicBoolean cancelled = new AtomicBoolean();
        return Interrupts.during(() -> cancelled.set(true), () -> {
            Observations known = calibration.finished(place, run);
            if (known != null) {
                return known;
            }
            try (Network network = collector == Collector.eager
                    ? new EagerNetwork(folder.denoiser(), folder.transformerWeights(), wanted, scope)
                    : TransformerNetwork.tapped(
                            folder.denoiser(), folder.transformerWeights(), wanted, scope, graph(table))) {
                return calibration.run(network, place, run, (done, total) -> {
                    if (cancelled.get()) {
                        throw new MaskRtException(
                                ExitCode.INTERRUPTED,
                                "calibrate: interrupted at step " + done + " of " + total
                                        + "; the same command goes on after the last whole picture");
                    }
                    progress.update("record", done, total);
                });
            }
        });
    }

    private MixedPrecision.Found within(
            double wanted, ScaleTable all, ModelFolder folder, Sampled sampled, Path table, Progress progress) {
        List<Picture> some = sampled.pictures.subList(0, Math.min(driftPictures, count));
        AtomicBoolean cancelled = new AtomicBoolean();
        MixedPrecision.Sampler sampler = quantised -> {
            try (Network network = TransformerNetwork.quantised(
                    folder.denoiser(), folder.transformerWeights(), quantised, graph(table))) {
                return some.parallelStream()
                        .map(picture -> sampled.trajectories.run(picture, rows -> {
                            if (cancelled.get()) {
                                throw new MaskRtException(
                                        ExitCode.INTERRUPTED,
                                        "calibrate: interrupted while drift was measured; what was recorded is kept");
                            }
                            return network.run(rows, (path, x, channels) -> {});
                        }))
                        .toList();
            }
        };
        return Interrupts.during(
                () -> cancelled.set(true),
                () -> new MixedPrecision(sampler)
                        .within(wanted, all, (done, total) -> progress.update("drift", done, total)));
    }

    /** The folder of the graph that runs, beside the table. */
    private static Path graph(Path table) {
        return table.toAbsolutePath().resolveSibling(table.getFileName() + ".graph");
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }

    private void print(ScaleTable made, Path table, double seconds) {
        PrintWriter out = out();
        long smoothed = made.linears().values().stream()
                .filter(l -> l.smoothing().factors().length > 0)
                .count();
        out.printf(
                Locale.ROOT,
                "%s  %d linear layers, %d of them smoothed, %d kept as they are, %d operands of attentions; %.1f s%n",
                table,
                made.linears().size(),
                smoothed,
                made.kept().size(),
                made.tensors().size(),
                seconds);
        PeakMemory.bytes().ifPresent(bytes -> out.println("memory   " + Tables.bytes(bytes) + " at the most"));
    }
}

package org.maskrt.perf;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.maskrt.exporter.EagerJudge;
import org.maskrt.exporter.ExportListener;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.OnnxExporter;
import org.maskrt.exporter.OnnxFile;
import org.maskrt.exporter.OnnxGraph;
import org.maskrt.exporter.OnnxOps;
import org.maskrt.exporter.OnnxType;
import org.maskrt.exporter.graphs.ModelGraphs.GuidedStep;
import org.maskrt.models.Denoiser;
import org.maskrt.models.PaperTable;
import org.maskrt.models.Presets;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.weights.Weights;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.DeviceTensor;
import org.maskrt.runtime.Graph;
import org.maskrt.runtime.GraphSignature;
import org.maskrt.runtime.TensorSpec;
import org.maskrt.trainer.EagerModel;

/**
 * Milliseconds of one guided sampling step: the exported {@code guided_step} on ONNX Runtime, in turn with the same maths run eagerly by DJL on the
 * same weights and inputs, and the fraction of the machine's matrix-product speed that they reach in the same run.
 */
public final class GuidedStepBench {
    private static final int GEMM = 2048;
    private static final int GEMM_RUNS = 9;
    private static final int INPUT_SIZE = 32;
    private static final int WARM_UP = 2;
    private static final long SEED = 1;

    private final Options options;
    private final Listener listener;

    private GuidedStepBench(Options options, Listener listener) {
        this.options = options;
        this.listener = listener;
    }

    /**
     * What is measured.
     *
     * @param presets names of {@link Presets}, with 32x32 latents and random weights
     * @param rounds pairs of runs of each
     * @param threads of both; 0 for one per core
     */
    public record Options(List<String> presets, int rounds, int threads) {}

    /** Hears what is being done. */
    @FunctionalInterface
    public interface Listener {
        void progress(String what, int done, int total);
    }

    /**
     * The result.
     *
     * @param gemmGflops billions of floating-point operations a second of an fp32 product of 2048x2048 matrices, the fastest of several
     * @param models in the order of the options
     */
    public record Report(double gemmGflops, List<Measured> models) {}

    /**
     * One model.
     *
     * @param gflop billions of floating-point operations of the step: two for each multiply-accumulate of both rows
     * @param parity of our result with the baseline's
     */
    public record Measured(String preset, double gflop, Parity parity, Samples samples) {
        /** The share of {@code gemmGflops} that {@code millis} reach. */
        public double fraction(double gemmGflops, double millis) {
            return gflop / millis * 1e3 / gemmGflops;
        }
    }

    /** Measures; the temporary files are gone afterwards. */
    public static Report run(Options options, Listener listener) {
        Path folder = null;
        try {
            folder = Files.createTempDirectory("maskrt-bench");
            return new GuidedStepBench(options, listener).measure(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            if (folder != null) {
                delete(folder);
            }
        }
    }

    private Report measure(Path folder) throws IOException {
        double gemm = gemm(folder.resolve("gemm"));
        List<Measured> models = new ArrayList<>();
        for (String preset : options.presets()) {
            models.add(measure(preset, Presets.of(preset, INPUT_SIZE), folder.resolve("model" + models.size())));
        }
        return new Report(gemm, models);
    }

    private double gemm(Path folder) throws IOException {
        Files.createDirectories(folder);
        OnnxGraph graph = new OnnxGraph();
        OnnxOps ops = new OnnxOps(graph, GraphStyle.DEFAULT);
        Params<org.maskrt.exporter.OnnxValue> p =
                ops.params(Weights.lazy("random", Map.of("w", Shape.of(GEMM, GEMM)), GuidedStepBench::random));
        ops.output("out", ops.matmul(graph.input("a", Shape.of(GEMM, GEMM), OnnxType.FLOAT), p.get("w", GEMM, GEMM)));
        OnnxFile.write(folder, graph, Map.of(), fraction -> {});
        GraphSignature signature = new GraphSignature(
                "gemm", List.of(TensorSpec.fp32("a", GEMM, GEMM)), List.of(TensorSpec.fp32("out", GEMM, GEMM)));
        try (Backend backend = Backend.named(Backend.DEFAULT, options.threads());
                Graph opened = backend.open(folder, signature);
                DeviceTensor a = backend.floats(GEMM, GEMM);
                DeviceTensor out = backend.floats(GEMM, GEMM)) {
            a.write(random("a", Shape.of(GEMM, GEMM)).values());
            Graph.Binding binding = opened.bind(Map.of("a", a), Map.of("out", out));
            double best = Double.POSITIVE_INFINITY;
            for (int i = 0; i < GEMM_RUNS; i++) {
                listener.progress("matrix product", i, GEMM_RUNS);
                best = Math.min(best, millis(binding::run));
            }
            return 2.0 * GEMM * GEMM * GEMM / best / 1e6;
        }
    }

    private Measured measure(String preset, Denoiser model, Path folder) {
        Weights weights = Weights.lazy(
                preset + " with random weights", PaperTable.trace(model).weights(), GuidedStepBench::random);
        ExportOptions export = ExportOptions.DEFAULT
                .withStyle(GraphStyle.DEFAULT.with(GraphStyle.Attention.ORT_MHA))
                .withGraphs(Set.of("guided_step"))
                .withValidation(ExportOptions.Validation.off());
        listener.progress(preset + " export", 0, 1);
        new OnnxExporter(export, EagerJudge.reference(), ExportListener.NONE).export(model, weights, folder);
        GuidedStep step = new GuidedStep(model, GuidedChannels.REFERENCE);
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        Random random = new Random(SEED);
        step.inputs().forEach(port -> inputs.put(port.name(), port.random(random, 1, 1)));

        try (EagerModel eager = new EagerModel(weights);
                Backend backend = Backend.named(Backend.DEFAULT, options.threads());
                Graph graph = backend.open(folder.resolve("guided_step"), GraphSignature.guidedStep(model))) {
            Map<String, DeviceTensor> bound = new HashMap<>();
            inputs.forEach((name, value) -> {
                DeviceTensor tensor = backend.floats(value.shape().dims());
                tensor.write(value.values());
                bound.put(name, tensor);
            });
            int[] dims = {1, model.inChannels(), model.inputSize(), model.inputSize()};
            DeviceTensor next = backend.floats(dims);
            DeviceTensor eps = backend.floats(dims);
            Graph.Binding binding = graph.bind(bound, Map.of("next_sample", next, "eps", eps));
            Runnable baseline = () -> eagerStep(eager, step, inputs);
            binding.run();
            float[] ours = new float[next.shape().size()];
            next.read(ours);
            Parity parity =
                    Parity.of("next_sample", eagerStep(eager, step, inputs), Tensor.of(ours, dims), Parity.ACCUMULATED);
            Samples samples = pairs(preset, binding::run, baseline);
            bound.values().forEach(DeviceTensor::close);
            next.close();
            eps.close();
            return new Measured(preset, 2 * macs(step) / 1e9, parity, samples);
        }
    }

    private Samples pairs(String preset, Runnable ours, Runnable baseline) {
        for (int i = 0; i < WARM_UP; i++) {
            ours.run();
            baseline.run();
        }
        List<Samples.Pair> pairs = new ArrayList<>();
        int dropped = 0;
        for (int i = 0; i < options.rounds(); i++) {
            listener.progress(preset, i, options.rounds());
            CorePlacement.Tag before = CorePlacement.now();
            double a = millis(ours);
            double b = millis(baseline);
            if (CorePlacement.now() == before) {
                pairs.add(new Samples.Pair(a, b, before));
            } else {
                dropped++;
            }
        }
        return new Samples(pairs, dropped);
    }

    private static Tensor eagerStep(EagerModel eager, GuidedStep step, Map<String, Tensor> inputs) {
        List<String> names = List.copyOf(inputs.keySet());
        return eager.run(
                (ops, p, in) -> {
                    Map<String, ai.djl.ndarray.NDArray> named = new LinkedHashMap<>();
                    for (int i = 0; i < names.size(); i++) {
                        named.put(names.get(i), in.get(i));
                    }
                    ai.djl.ndarray.NDArray next = step.build(ops, p, named).get("next_sample");
                    if (next == null) {
                        throw new IllegalStateException("guided_step has no output next_sample");
                    }
                    return next;
                },
                inputs.values().toArray(new Tensor[0]));
    }

    private static double macs(GuidedStep step) {
        CostOps ops = new CostOps();
        Map<String, Shape> in = new LinkedHashMap<>();
        step.inputs().forEach(port -> in.put(port.name(), port.shape(1, 1)));
        step.build(ops, ops.params(), in);
        return ops.total().macs();
    }

    /** Weights of about the size that keeps activations near one, a function of the path. */
    private static Tensor random(String path, Shape shape) {
        SplittableRandom random = new SplittableRandom(path.hashCode() * 31L + SEED);
        double scale = shape.rank() < 2 ? 0.05 : 1 / Math.sqrt(shape.size() / (double) shape.dim(0));
        float[] values = new float[shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (scale * (2 * random.nextDouble() - 1));
        }
        return Tensor.of(values, shape);
    }

    private static double millis(Runnable run) {
        long started = System.nanoTime();
        run.run();
        return (System.nanoTime() - started) / 1e6;
    }

    private static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

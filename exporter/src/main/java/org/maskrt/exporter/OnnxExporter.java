package org.maskrt.exporter;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.DoubleConsumer;
import java.util.stream.Stream;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.exporter.ExportListener.Stage;
import org.maskrt.exporter.ExportOptions.Validation;
import org.maskrt.exporter.GraphStyle.Target;
import org.maskrt.exporter.graphs.DeviceSteps;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.exporter.graphs.ModelGraphs.Body;
import org.maskrt.exporter.graphs.ModelGraphs.CcNet;
import org.maskrt.exporter.graphs.ModelGraphs.Conditioner;
import org.maskrt.exporter.graphs.ModelGraphs.GuidedStep;
import org.maskrt.exporter.graphs.ModelGraphs.ImageEncoder;
import org.maskrt.exporter.graphs.ModelGraphs.Inpaint;
import org.maskrt.exporter.graphs.ModelGraphs.Transformer;
import org.maskrt.exporter.graphs.ModelGraphs.VaeDecoder;
import org.maskrt.exporter.graphs.ModelGraphs.VaeEncoder;
import org.maskrt.exporter.graphs.Port;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.weights.AtomicFiles;
import org.maskrt.models.weights.Sha256;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/**
 * Model and weights to {@code onnx/<graph>/} with {@code model.onnx}, {@code model.onnx.data} and {@code export.json}. Each graph is written
 * beside its place, checked, compared with the eager model, and only then moved into place: an export that fails leaves what was there.
 */
public final class OnnxExporter {
    /** What {@code export.json} is called. */
    public static final String REPORT = "export.json";

    private static final int SYMBOLIC_BATCH = 2;
    private static final int STEPS = 3;

    private final ExportOptions options;
    private final EagerJudge judge;
    private final ExportListener listener;

    public OnnxExporter(ExportOptions options, EagerJudge judge, ExportListener listener) {
        this.options = options;
        this.judge = judge;
        this.listener = listener;
    }

    /**
     * The denoiser's graphs among the options'.
     *
     * @param onnx the folder that gets a folder per graph
     * @throws MaskRtException FAILURE if weights are missing or misshapen, or the folder is full or not writable; TOLERANCE if a graph differs
     *     from the eager model by more than the options allow; NOT_FINITE if a weight is NaN or infinite, or does not fit fp16; INTERRUPTED if
     *     the thread was
     */
    public List<ExportReport> export(Denoiser model, Weights weights, Path onnx) {
        List<ModelGraph> graphs =
                new ArrayList<>(List.of(new Transformer(model), new Conditioner(model), new Body(model)));
        if (options.style().target() == Target.TENSORRT) {
            graphs.add(new DeviceSteps.Guided(model, options.guided()));
            graphs.add(new DeviceSteps.Half(model));
        } else {
            graphs.add(new GuidedStep(model, options.guided()));
        }
        if (model instanceof MdtDenoiser mdt && weights.keys().contains("mask_token")) {
            graphs.add(new Inpaint(mdt));
        }
        if (model instanceof Emd3c emd3c) {
            graphs.add(new CcNet(emd3c));
        }
        return export(graphs, weights, onnx);
    }

    /**
     * The autoencoder's graphs among the options', for pictures of {@code size} by {@code size}.
     *
     * @param onnx the folder that gets a folder per graph
     * @throws MaskRtException as {@link #export(Denoiser, Weights, Path)} does
     */
    public List<ExportReport> export(AutoencoderKl vae, int size, Weights weights, Path onnx) {
        return export(List.of(new VaeEncoder(vae, size), new VaeDecoder(vae, size)), weights, onnx);
    }

    /**
     * The graph of an image encoder, if it is among the options'.
     *
     * @param onnx the folder that gets a folder per graph
     * @throws MaskRtException as {@link #export(Denoiser, Weights, Path)} does
     */
    public List<ExportReport> export(ImageEncoder graph, Weights weights, Path onnx) {
        return export(List.<ModelGraph>of(graph), weights, onnx);
    }

    private List<ExportReport> export(List<ModelGraph> all, Weights weights, Path onnx) {
        List<ModelGraph> graphs =
                all.stream().filter(g -> options.graphs().contains(g.name())).toList();
        if (graphs.isEmpty()) {
            return List.of();
        }
        graphs.forEach(graph -> requireWeights(graph, weights));
        String sha = sha256(weights, fraction -> listener.progress(graphs.get(0).name(), Stage.HASH, fraction));
        List<Provenance> provenances = graphs.stream()
                .map(graph -> new Provenance(graph, options, sha))
                .toList();
        provenances.forEach(provenance -> requireScalesOf(weights, provenance));
        List<ExportReport> reports = new ArrayList<>();
        for (Provenance provenance : provenances) {
            reports.add(export(provenance, weights, onnx));
        }
        return reports;
    }

    /** Whether each of {@code graphs} below {@code onnx} was made by this version from these weights with these options. */
    public boolean isCurrent(Set<String> graphs, Weights weights, Path onnx) {
        boolean complete = graphs.stream()
                .allMatch(graph -> Stream.of(REPORT, OnnxFile.MODEL, OnnxFile.DATA)
                        .allMatch(
                                file -> Files.isRegularFile(onnx.resolve(graph).resolve(file))));
        if (!complete) {
            return false;
        }
        String sha = sha256(weights, fraction -> {});
        return graphs.stream()
                .allMatch(graph -> Provenance.matches(onnx.resolve(graph).resolve(REPORT), graph, options, sha));
    }

    private static void requireScalesOf(Weights weights, Provenance provenance) {
        ScaleTable scales = provenance.style().scales();
        String sha = provenance.weightsSha256();
        if (scales != null && !scales.provenance().weightsSha256().equals(sha)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    weights.origin() + ": expected the weights that the table of scales was made of (SHA-256 "
                            + scales.provenance().weightsSha256() + "), received others (" + sha
                            + "); make a table of these with 'maskrt calibrate'");
        }
    }

    private static void requireWeights(ModelGraph graph, Weights weights) {
        CostOps ops = new CostOps();
        graph.trace(ops);
        WeightCheck check = WeightCheck.compare(ops.weights(), weights);
        new WeightCheck(check.missing(), List.of(), check.misshapen()).require(weights.origin());
    }

    private ExportReport export(Provenance provenance, Weights weights, Path onnx) {
        ModelGraph graph = provenance.graph();
        Path place = onnx.resolve(graph.name());
        Path beside = onnx.resolve("." + graph.name() + "." + UUID.randomUUID() + ".tmp");
        try {
            Files.createDirectories(beside);
            // An interrupted program runs no finally block, but does delete these, files first.
            beside.toFile().deleteOnExit();
            for (String name : List.of(OnnxFile.MODEL, OnnxFile.DATA, REPORT)) {
                beside.resolve(name).toFile().deleteOnExit();
            }
            OnnxGraph emitted = emit(provenance.written(), weights, provenance.style());
            OnnxFile.write(
                    beside,
                    emitted,
                    provenance.metadata(),
                    fraction -> listener.progress(graph.name(), Stage.WRITE, fraction));
            listener.progress(graph.name(), Stage.CHECK, 0);
            OnnxChecker.check(beside.resolve(OnnxFile.MODEL));
            listener.progress(graph.name(), Stage.CHECK, 1);
            Map<String, Double> reached =
                    options.validation().enabled() ? compare(provenance, weights, beside) : Map.of();
            OnnxOp quantises = provenance.style().scales() == null ? OnnxOp.MATMUL_INTEGER : OnnxOp.QUANTIZE_LINEAR;
            AtomicFiles.writeString(
                    beside.resolve(REPORT), provenance.report(beside, emitted.layers(quantises), reached));
            replace(place, beside);
            return new ExportReport(graph.name(), place, provenance.weightsSha256(), reached);
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    place + ": cannot be written: " + OnnxFile.reason(e)
                            + "; make room, or name a folder that you may write to",
                    e);
        } finally {
            delete(beside);
        }
    }

    private OnnxGraph emit(ModelGraph model, Weights weights, GraphStyle style) {
        OnnxGraph graph = new OnnxGraph();
        OnnxOps emitter = new OnnxOps(graph, style);
        Map<String, OnnxValue> in = new LinkedHashMap<>();
        for (Port port : model.inputs()) {
            OnnxType type = port.kind().isIndices() ? OnnxType.INT64 : OnnxType.FLOAT;
            in.put(port.name(), graph.input(port.name(), port.shape(options.batch(), Shape.STEPS), type));
        }
        Params<OnnxValue> p = emitter.params(weights);
        Map<String, OnnxValue> outputs =
                model instanceof Quantised quantised ? quantised.emit(emitter, p, in) : model.build(emitter, p, in);
        outputs.forEach(emitter::output);
        return graph;
    }

    private Map<String, Double> compare(Provenance provenance, Weights weights, Path folder) {
        ModelGraph graph = provenance.written();
        Validation validation = provenance.validation();
        listener.progress(graph.name(), Stage.COMPARE, 0);
        Random random = new Random(validation.seed());
        int batch = options.batch() == Shape.BATCH ? SYMBOLIC_BATCH : options.batch();
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        graph.inputs().forEach(port -> inputs.put(port.name(), port.random(random, batch, STEPS)));
        // One after the other, and the file let go between them, so that the weights are in memory only once.
        Map<String, Tensor> eager = judge.run(graph, weights, inputs);
        weights.release();
        listener.progress(graph.name(), Stage.COMPARE, 0.5);
        Map<String, Tensor> actual;
        Path file = folder.resolve(OnnxFile.MODEL);
        try (ValidationSession session = provenance.style().target() == Target.TENSORRT
                ? ValidationSession.openRounded(file)
                : ValidationSession.open(file)) {
            actual = session.run(inputs);
        }
        Map<String, Double> reached = new LinkedHashMap<>();
        eager.forEach((name, expected) -> {
            Tensor got = actual.get(name);
            if (got == null || !got.shape().equals(expected.shape())) {
                throw new MaskRtException(
                        ExitCode.TOLERANCE,
                        graph.name() + ": expected the output " + name + " " + expected + ", received " + got
                                + "; report this as a bug");
            }
            reached.put(name, relative(expected, got));
        });
        listener.progress(graph.name(), Stage.COMPARE, 1);
        reached.forEach((name, difference) -> {
            if (!(difference <= validation.tolerance())) {
                throw new MaskRtException(
                        ExitCode.TOLERANCE,
                        graph.name() + ": expected " + name + " within " + validation.tolerance()
                                + " of the eager model (max|diff|/max|reference|, seed " + validation.seed()
                                + "), received " + difference
                                + "; nothing was written: report this, or allow more with --atol");
            }
        });
        return reached;
    }

    /** max|diff| / max|reference|; NaN if either holds one. Indices are equal (0) or not (1). */
    static double relative(Tensor expected, Tensor actual) {
        if (expected.isIndices()) {
            return Arrays.equals(expected.indices(), actual.indices()) ? 0 : 1;
        }
        double diff = 0;
        double max = 0;
        for (int i = 0; i < expected.size(); i++) {
            double e = expected.values()[i];
            double d = Math.abs(e - actual.values()[i]);
            if (Double.isNaN(d)) {
                return Double.NaN;
            }
            diff = Math.max(diff, d);
            max = Math.max(max, Math.abs(e));
        }
        return diff == 0 ? 0 : diff / max;
    }

    /** Moves the finished folder into place; of what was there nothing is lost before. */
    private static void replace(Path place, Path beside) throws IOException {
        Path old = Files.exists(place) ? beside.resolveSibling(beside.getFileName() + ".old") : null;
        if (old != null) {
            Files.move(place, old, StandardCopyOption.ATOMIC_MOVE);
        }
        Files.move(beside, place, StandardCopyOption.ATOMIC_MOVE);
        if (old != null) {
            delete(old);
        }
    }

    static void delete(Path folder) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
            Files.delete(folder);
        } catch (IOException e) {
            System.getLogger(OnnxExporter.class.getName())
                    .log(System.Logger.Level.WARNING, folder + " could not be removed: " + OnnxFile.reason(e));
        }
    }

    /** Of names, shapes and fp32 values, so that it does not depend on the file's format; in hexadecimal. */
    public static String sha256(Weights weights, DoubleConsumer progress) {
        Sha256 digest = new Sha256();
        ByteBuffer chunk = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
        List<String> keys = weights.keys().stream()
                .filter(key -> !weights.dtype(key).isIndices())
                .sorted()
                .toList();
        for (int k = 0; k < keys.size(); k++) {
            progress.accept((double) k / keys.size());
            Tensor tensor = weights.tensor(keys.get(k));
            digest.add((keys.get(k) + tensor.shape()).getBytes(StandardCharsets.UTF_8));
            float[] values = tensor.values();
            for (int from = 0; from < values.length; from += chunk.capacity() / Float.BYTES) {
                int count = Math.min(values.length - from, chunk.capacity() / Float.BYTES);
                chunk.clear().asFloatBuffer().put(values, from, count);
                digest.add(chunk.limit(count * Float.BYTES));
            }
        }
        progress.accept(1);
        return digest.hex();
    }
}

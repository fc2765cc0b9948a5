package org.maskrt.exporter;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.maskrt.calibration.Network;
import org.maskrt.calibration.Probe;
import org.maskrt.calibration.RangeOps;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.GraphStyle.Bias;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.exporter.graphs.ModelGraphs;
import org.maskrt.exporter.graphs.Port;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

/** The graph {@code transformer} on ONNX Runtime: with what a calibration wants to see as further outputs, or quantised. Safe for several threads. */
public final class TransformerNetwork implements Network {
    private static final String OUTPUT = "out_sample";

    private final Path folder;
    private final ValidationSession session;

    private TransformerNetwork(Path folder, ValidationSession session) {
        this.folder = folder;
        this.session = session;
    }

    /** What a graph computes, written with an emitter. */
    private interface Body {
        Map<String, OnnxValue> emit(OnnxOps emitter, Params<OnnxValue> p, Map<String, OnnxValue> in);
    }

    /**
     * Writes the graph with taps, and opens it.
     *
     * @param wanted the paths that are seen
     * @param scope whether operands of attentions are among them
     * @param folder for the graph; what a killed process left there is replaced, and {@link #close} removes it
     * @throws MaskRtException as {@link OnnxExporter#export(Denoiser, Weights, Path)} does
     */
    public static TransformerNetwork tapped(
            Denoiser model, Weights weights, Predicate<String> wanted, RangeOps.Scope scope, Path folder) {
        ModelGraphs.Transformer transformer = new ModelGraphs.Transformer(model);
        return open(transformer, weights, folder, (emitter, p, in) -> {
            RangeOps<OnnxValue> ops = new RangeOps<>(
                    emitter,
                    (path, x, channels) -> {
                        if (wanted.test(path)) {
                            emitter.output(path, x);
                        }
                    },
                    scope);
            return transformer.build(ops, p, in);
        });
    }

    /**
     * Writes the graph with what a table names quantised, and opens it.
     *
     * @param folder for the graph; what a killed process left there is replaced, and {@link #close} removes it
     * @throws MaskRtException as {@link OnnxExporter#export(Denoiser, Weights, Path)} does
     */
    public static TransformerNetwork quantised(Denoiser model, Weights weights, ScaleTable table, Path folder) {
        Quantised transformer = new Quantised(new ModelGraphs.Transformer(model), table);
        return open(transformer, weights, folder, transformer::emit);
    }

    private static TransformerNetwork open(ModelGraph transformer, Weights weights, Path folder, Body body) {
        OnnxGraph graph = new OnnxGraph();
        OnnxOps emitter =
                new OnnxOps(graph, GraphStyle.DEFAULT.with(Attention.ORT_MHA).with(Bias.GATHER));
        Map<String, OnnxValue> in = new LinkedHashMap<>();
        for (Port port : transformer.inputs()) {
            OnnxType type = port.kind().isIndices() ? OnnxType.INT64 : OnnxType.FLOAT;
            in.put(port.name(), graph.input(port.name(), port.shape(Shape.BATCH, Shape.STEPS), type));
        }
        body.emit(emitter, emitter.params(weights), in).forEach(emitter::output);
        try {
            OnnxExporter.delete(folder);
            Files.createDirectories(folder);
            OnnxFile.write(folder, graph, Map.of(), fraction -> {});
            return new TransformerNetwork(folder, ValidationSession.open(folder.resolve(OnnxFile.MODEL)));
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    folder + ": cannot be written: " + OnnxFile.reason(e)
                            + "; make room, or name a folder that you may write to",
                    e);
        } catch (RuntimeException e) {
            OnnxExporter.delete(folder);
            throw e;
        }
    }

    @Override
    public Tensor run(Rows rows, Probe<float[]> probe) {
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        inputs.put("sample", rows.sample());
        inputs.put("timestep", rows.timestep());
        inputs.put(rows.condition().isIndices() ? "class_labels" : "condition", rows.condition());
        if (rows.hint() != null) {
            inputs.put("hint", rows.hint());
        }
        Map<String, Tensor> outputs = session.run(inputs);
        Tensor out = outputs.remove(OUTPUT);
        if (out == null) {
            throw new IllegalStateException("the graph has no output " + OUTPUT);
        }
        outputs.forEach((path, x) -> probe.see(path, x.values(), x.dim(-1)));
        return out;
    }

    @Override
    public void close() {
        session.close();
        OnnxExporter.delete(folder);
    }
}

package org.maskrt.exporter;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.ops.Program;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

/** Programs as ONNX files, checked, and run by ONNX Runtime; a program's file is made once for each set of input shapes. */
public final class OnnxInterpreter implements Interpreter {
    private final GraphStyle style;
    private final Path folder;
    private final Map<Key, ValidationSession> sessions = new LinkedHashMap<>();

    private record Key(Program program, Weights weights, List<Shape> shapes) {}

    /** An interpreter whose files are in a temporary folder until it is closed. */
    public OnnxInterpreter(GraphStyle style) {
        this.style = style;
        try {
            this.folder = Files.createTempDirectory("maskrt-onnx");
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    @Override
    public String name() {
        return "onnx " + style.attention();
    }

    @Override
    public Tensor run(Program program, Weights weights, List<Tensor> inputs) {
        Map<String, Tensor> feeds = new LinkedHashMap<>();
        for (Tensor input : inputs) {
            feeds.put("in" + feeds.size(), input);
        }
        Key key = new Key(program, weights, inputs.stream().map(Tensor::shape).toList());
        Tensor out = sessions.computeIfAbsent(key, k -> open(program, weights, feeds))
                .run(feeds)
                .get("out");
        if (out == null) {
            throw new IllegalStateException("the graph has no output 'out'");
        }
        return out;
    }

    private ValidationSession open(Program program, Weights weights, Map<String, Tensor> feeds) {
        OnnxGraph graph = new OnnxGraph();
        OnnxOps ops = new OnnxOps(graph, style);
        List<OnnxValue> in = new ArrayList<>();
        feeds.forEach((name, tensor) ->
                in.add(graph.input(name, tensor.shape(), tensor.isIndices() ? OnnxType.INT64 : OnnxType.FLOAT)));
        ops.output("out", program.apply(ops, ops.params(weights), in));
        try {
            Path here = Files.createTempDirectory(folder, "graph");
            OnnxFile.write(here, graph, Map.of(), fraction -> {});
            OnnxChecker.check(here.resolve(OnnxFile.MODEL));
            return ValidationSession.open(here.resolve(OnnxFile.MODEL));
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    private static MaskRtException unwritable(IOException e) {
        return new MaskRtException(
                ExitCode.FAILURE,
                System.getProperty("java.io.tmpdir") + ": a graph cannot be written there: " + OnnxFile.reason(e)
                        + "; make room, or set -Djava.io.tmpdir",
                e);
    }

    @Override
    public void close() {
        sessions.values().forEach(ValidationSession::close);
        sessions.clear();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            System.getLogger(OnnxInterpreter.class.getName())
                    .log(System.Logger.Level.WARNING, folder + " could not be removed: " + OnnxFile.reason(e));
        }
    }
}

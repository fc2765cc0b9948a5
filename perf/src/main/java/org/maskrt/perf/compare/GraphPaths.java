package org.maskrt.perf.compare;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.maskrt.exporter.OnnxFile;
import org.maskrt.exporter.ValidationSession;
import org.maskrt.models.ops.Tensor;
import org.maskrt.perf.bench.Source;

/** Layers of exported graphs, on ONNX Runtime's CPU provider. */
final class GraphPaths implements PathOutputs {
    private final Source source;
    private final Path onnx;
    private final boolean rounded;
    private final Map<String, ValidationSession> sessions = new HashMap<>();

    /**
     * Of a folder of graphs.
     *
     * @param rounded whether 16-bit operations run in fp32 with their results rounded, as for graphs that other hardware runs
     */
    GraphPaths(Source source, Path onnx, boolean rounded) {
        this.source = source;
        this.onnx = onnx;
        this.rounded = rounded;
    }

    private Path file(String graph) {
        return onnx.resolve(graph).resolve(OnnxFile.MODEL);
    }

    @Override
    public boolean has(String graph) {
        return Files.isRegularFile(file(graph));
    }

    @Override
    public Map<String, float[]> run(String graph, Map<String, Tensor> inputs) {
        Map<String, float[]> values = new LinkedHashMap<>();
        ValidationSession session = sessions.computeIfAbsent(graph, this::open);
        Map<String, Tensor> taken = new LinkedHashMap<>(inputs);
        taken.keySet().retainAll(session.inputs());
        session.run(taken).forEach((name, tensor) -> values.put(name, tensor.values()));
        return values;
    }

    private ValidationSession open(String graph) {
        // outputs of the graph have their names already
        var paths = PathOutputs.of(source.subject(graph).graph()).stream()
                .filter(path -> !source.subject(graph).graph().outputs().contains(path))
                .toList();
        return rounded
                ? ValidationSession.openTappedRounded(file(graph), paths)
                : ValidationSession.openTapped(file(graph), paths);
    }

    @Override
    public void close() {
        sessions.values().forEach(ValidationSession::close);
        sessions.clear();
    }
}

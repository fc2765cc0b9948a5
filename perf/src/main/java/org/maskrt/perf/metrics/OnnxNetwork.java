package org.maskrt.perf.metrics;

import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.ForeignGraph;
import org.maskrt.runtime.OrtBackend;
import org.maskrt.runtime.OrtDevice;

/** A network on ONNX Runtime. */
final class OnnxNetwork implements Network {
    private final ForeignGraph graph;

    OnnxNetwork(Path file, int threads) {
        try (OrtBackend backend = new OrtBackend(OrtDevice.CPU, threads)) {
            graph = backend.openForeign(file);
        }
    }

    @Override
    public Map<String, Shape> inputs() {
        return graph.inputs();
    }

    @Override
    public Map<String, Shape> outputs() {
        return graph.outputs();
    }

    @Override
    public Map<String, Tensor> run(Map<String, Tensor> inputs, Set<String> wanted) {
        return graph.run(inputs, wanted);
    }

    @Override
    public void close() {
        graph.close();
    }
}

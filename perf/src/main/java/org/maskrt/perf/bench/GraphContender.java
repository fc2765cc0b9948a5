package org.maskrt.perf.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.DeviceTensor;
import org.maskrt.runtime.Graph;

/** An exported graph on a backend; inputs and outputs stay where it computes. */
final class GraphContender implements Contender {
    /** What a quantised step may take beside its modulation. */
    private static final String TIMESTEP = "timestep";

    private final String label;
    private final Map<String, String> settings;
    private final Subject subject;
    private final Backend backend;
    private final Graph graph;

    GraphContender(String label, Map<String, String> settings, Subject subject, Backend backend, Path folder) {
        this.label = label;
        this.settings = settings;
        this.subject = subject;
        this.backend = backend;
        this.graph = backend.open(folder, subject.signature());
    }

    @Override
    public String label() {
        return label;
    }

    @Override
    public Map<String, String> settings() {
        return settings;
    }

    @Override
    public Map<String, String> versions() {
        return Map.of(backend.name(), backend.description());
    }

    @Override
    public Trial prepare(Problem problem) {
        return new Bound(backend, graph, subject, problem);
    }

    @Override
    public void close() {
        graph.close();
        backend.close();
    }

    /** Tensors of one graph, and its runs on them. */
    static final class Bound implements Trial {
        private final Map<String, DeviceTensor> outputs = new HashMap<>();
        private final List<DeviceTensor> tensors = new ArrayList<>();
        private final Graph.Binding binding;
        private final String output;

        Bound(Backend backend, Graph graph, Subject subject, Problem problem) {
            Map<String, DeviceTensor> inputs = new HashMap<>();
            problem.inputs().forEach((name, value) -> inputs.put(name, keep(tensor(backend, value))));
            if (graph.signature().takes(TIMESTEP)) {
                Tensor timestep = problem.origins().getOrDefault(TIMESTEP, Tensor.zeros(problem.batch()));
                inputs.put(TIMESTEP, keep(tensor(backend, timestep)));
            }
            for (Map.Entry<String, Shape> out :
                    subject.outputs(problem.inputs()).entrySet()) {
                outputs.put(out.getKey(), keep(backend.floats(out.getValue().dims())));
            }
            output = problem.output();
            binding = graph.bind(inputs, outputs);
        }

        private static DeviceTensor tensor(Backend backend, Tensor value) {
            if (value.isIndices()) {
                DeviceTensor tensor = backend.indices(value.shape().dims());
                tensor.writeIndices(value.indices());
                return tensor;
            }
            DeviceTensor tensor = backend.floats(value.shape().dims());
            tensor.write(value.values());
            return tensor;
        }

        private DeviceTensor keep(DeviceTensor tensor) {
            tensors.add(tensor);
            return tensor;
        }

        @Override
        public double run() {
            return Contender.millis(binding::run);
        }

        @Override
        public Tensor result() {
            DeviceTensor tensor = outputs.get(output);
            if (tensor == null) {
                throw new IllegalStateException("the graph has no output " + output);
            }
            float[] values = new float[tensor.shape().size()];
            tensor.read(values);
            return Tensor.of(values, tensor.shape());
        }

        @Override
        public void close() {
            tensors.forEach(DeviceTensor::close);
        }
    }
}

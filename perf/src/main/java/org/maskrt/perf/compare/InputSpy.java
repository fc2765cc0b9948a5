package org.maskrt.perf.compare;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.DeviceTensor;
import org.maskrt.runtime.ElementType;
import org.maskrt.runtime.Graph;
import org.maskrt.runtime.GraphSignature;

/**
 * Another backend with graphs in a folder of their own, which remembers what graphs are run on while it is asked to. Indices are remembered as zeros: no
 * tensor gives them back.
 */
final class InputSpy implements Backend {
    /** What variants differ in: it is never another's. */
    private static final Set<String> STEPS = Set.of("guided_step", "denoiser");

    private final Backend inner;
    private final Path onnx;
    private final Path others;
    private final Set<String> borrowed = new TreeSet<>();
    private final List<Run> runs = new ArrayList<>();
    private boolean listening;

    /** The inputs of one run of a graph. */
    record Run(String graph, Map<String, Tensor> inputs) {}

    /**
     * Takes over {@code inner}.
     *
     * @param onnx the folder of graphs
     * @param others where graphs are that it lacks, such as those of the autoencoder
     */
    InputSpy(Backend inner, Path onnx, Path others) {
        this.inner = inner;
        this.onnx = onnx;
        this.others = others;
    }

    /** The graphs that the folder lacks. */
    Set<String> borrowed() {
        return borrowed;
    }

    /** Whether runs are to be remembered from now on. */
    void listen(boolean on) {
        listening = on;
    }

    /** What was remembered since the last call. */
    List<Run> take() {
        List<Run> taken = List.copyOf(runs);
        runs.clear();
        return taken;
    }

    @Override
    public String name() {
        return inner.name();
    }

    @Override
    public String description() {
        return inner.description();
    }

    @Override
    public Path graphs(Path model) {
        return onnx;
    }

    @Override
    public GuidedChannels guidedChannels(Path folder) {
        return inner.guidedChannels(folder);
    }

    @Override
    public Graph open(Path folder, GraphSignature expected) {
        String name = expected.name();
        boolean lacking = !STEPS.contains(name) && !Files.exists(folder) && Files.exists(others.resolve(name));
        if (lacking) {
            borrowed.add(name);
        }
        Graph graph = inner.open(lacking ? others.resolve(name) : folder, expected);
        return new Graph() {
            @Override
            public GraphSignature signature() {
                return graph.signature();
            }

            @Override
            public int most(String input, int axis) {
                return graph.most(input, axis);
            }

            @Override
            public Binding bind(
                    Map<String, ? extends DeviceTensor> inputs, Map<String, ? extends DeviceTensor> outputs) {
                Binding binding = graph.bind(inputs, outputs);
                return () -> {
                    if (listening) {
                        runs.add(new Run(name, read(inputs)));
                    }
                    binding.run();
                };
            }

            @Override
            public void close() {
                graph.close();
            }
        };
    }

    private static Map<String, Tensor> read(Map<String, ? extends DeviceTensor> inputs) {
        Map<String, Tensor> read = new LinkedHashMap<>();
        inputs.forEach((name, tensor) -> {
            Shape shape = tensor.shape();
            if (tensor.type() == ElementType.INT64) {
                read.put(name, Tensor.ofIndices(new long[shape.size()], shape.dims()));
            } else {
                float[] values = new float[shape.size()];
                tensor.read(values);
                read.put(name, Tensor.of(values, shape));
            }
        });
        return read;
    }

    @Override
    public DeviceTensor floats(int... dims) {
        return inner.floats(dims);
    }

    @Override
    public DeviceTensor indices(int... dims) {
        return inner.indices(dims);
    }

    @Override
    public void close() {
        inner.close();
    }
}

package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.maskrt.models.ops.Shape;

/** A backend whose graphs have a fixed batch, or in which a row that is not finite spoils all others, as a shared quantisation scale does. */
record AlteredBackend(Backend inner, int fixedBatch, boolean mixesRows) implements Backend {
    @Override
    public String name() {
        return inner.name();
    }

    @Override
    public String description() {
        return inner.description();
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

    @Override
    public Graph open(Path folder, GraphSignature expected) {
        Graph graph = inner.open(folder, expected);
        return new Graph() {
            @Override
            public GraphSignature signature() {
                return fixedBatch == 0 || expected.name().equals("conditioner")
                        ? expected
                        : new GraphSignature(expected.name(), fixed(expected.inputs()), fixed(expected.outputs()));
            }

            @Override
            public Binding bind(
                    Map<String, ? extends DeviceTensor> inputs, Map<String, ? extends DeviceTensor> outputs) {
                inputs.forEach((name, tensor) -> requireFixed(expected, name, tensor));
                Binding binding = graph.bind(inputs, outputs);
                return () -> {
                    binding.run();
                    if (mixesRows && !expected.name().equals("conditioner")) {
                        outputs.values().forEach(AlteredBackend::spoil);
                    }
                };
            }

            @Override
            public void close() {
                graph.close();
            }
        };
    }

    private void requireFixed(GraphSignature graph, String name, DeviceTensor tensor) {
        boolean fixed = fixedBatch > 0 && !graph.name().equals("conditioner");
        if (fixed && tensor.shape().dim(0) != fixedBatch) {
            throw new AssertionError(graph.name() + ": expected " + fixedBatch + " rows of " + name + ", got "
                    + tensor.shape().dim(0));
        }
    }

    private List<TensorSpec> fixed(List<TensorSpec> specs) {
        return specs.stream()
                .map(s -> {
                    int[] dims = s.shape().dims();
                    dims[0] = fixedBatch;
                    return new TensorSpec(s.name(), s.type(), Shape.of(dims));
                })
                .toList();
    }

    private static void spoil(DeviceTensor tensor) {
        float[] values = new float[tensor.shape().size()];
        tensor.read(values);
        if (!SamplingLoop.finite(values)) {
            Arrays.fill(values, Float.NaN);
            tensor.write(values);
        }
    }
}

package org.maskrt.perf.compare;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.maskrt.exporter.graphs.ModelGraphs;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.perf.bench.Configuration;
import org.maskrt.perf.bench.Source;
import org.maskrt.perf.bench.Subject;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.DeviceTensor;
import org.maskrt.runtime.Graph;
import org.maskrt.runtime.GraphSignature;
import org.maskrt.trainer.Torch;

/** A backend without files of graphs: the model itself, operation by operation. */
final class EagerBackend implements Backend {
    private final Source source;
    private final GuidedChannels guided;
    private final EagerGraphs graphs;

    /** @param guided the channels that {@code guided_step} guides */
    EagerBackend(Source source, GuidedChannels guided) {
        this.source = source;
        this.guided = guided;
        this.graphs = new EagerGraphs(source);
    }

    @Override
    public String name() {
        return Configuration.EAGER;
    }

    @Override
    public String description() {
        return "DJL " + Torch.engine().getEngineName() + " " + Torch.engine().getVersion();
    }

    @Override
    public GuidedChannels guidedChannels(Path folder) {
        return guided;
    }

    @Override
    public Graph open(Path folder, GraphSignature expected) {
        Subject found = source.subject(expected.name());
        Subject subject = found.graph() instanceof ModelGraphs.GuidedStep step
                ? new Subject(new ModelGraphs.GuidedStep(step.model(), guided), found.signature(), found.weights())
                : found;
        return new Graph() {
            @Override
            public GraphSignature signature() {
                return expected;
            }

            @Override
            public Binding bind(
                    Map<String, ? extends DeviceTensor> inputs, Map<String, ? extends DeviceTensor> outputs) {
                Map<String, Tensor> in = new LinkedHashMap<>();
                inputs.forEach((name, tensor) -> in.put(name, ((HostTensor) tensor).data()));
                return () -> {
                    Map<String, Tensor> results = graphs.run(subject, in, null);
                    outputs.forEach((name, tensor) -> {
                        Tensor result = results.get(name);
                        if (result == null) {
                            throw new IllegalStateException(expected.name() + " has no output " + name);
                        }
                        tensor.write(result.values());
                    });
                };
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public DeviceTensor floats(int... dims) {
        return new HostTensor(Tensor.zeros(dims));
    }

    @Override
    public DeviceTensor indices(int... dims) {
        return new HostTensor(Tensor.ofIndices(new long[Shape.of(dims).size()], dims));
    }

    @Override
    public void close() {
        graphs.close();
    }
}

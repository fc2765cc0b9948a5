package org.maskrt.perf.bench;

import ai.djl.ndarray.NDArray;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.models.ops.Tensor;
import org.maskrt.trainer.EagerModel;
import org.maskrt.trainer.Torch;

/** The graph's maths run operation by operation by DJL's PyTorch engine. */
final class EagerContender implements Contender {
    private final Configuration configuration;
    private final Subject subject;
    private final EagerModel eager;

    EagerContender(Configuration configuration, Subject subject) {
        this.configuration = configuration;
        this.subject = subject;
        this.eager = new EagerModel(subject.weights());
    }

    @Override
    public String label() {
        return configuration.label();
    }

    @Override
    public Map<String, String> settings() {
        return configuration.settings();
    }

    @Override
    public Map<String, String> versions() {
        return Map.of(
                "eager",
                "DJL " + Torch.engine().getEngineName() + " " + Torch.engine().getVersion());
    }

    @Override
    public Trial prepare(Problem problem) {
        List<String> names = List.copyOf(problem.inputs().keySet());
        Tensor[] values = problem.inputs().values().toArray(new Tensor[0]);
        return new Trial() {
            private Tensor last = Tensor.zeros(1);

            @Override
            public double run() {
                return Contender.millis(() -> last = eager.run(
                        (ops, p, in) -> {
                            Map<String, NDArray> named = new LinkedHashMap<>();
                            for (int i = 0; i < names.size(); i++) {
                                named.put(names.get(i), in.get(i));
                            }
                            NDArray out = subject.graph().build(ops, p, named).get(problem.output());
                            if (out == null) {
                                throw new IllegalStateException("the graph has no output " + problem.output());
                            }
                            return out;
                        },
                        values));
            }

            @Override
            public Tensor result() {
                return last;
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public void close() {
        eager.close();
    }
}

package org.maskrt.perf.compare;

import ai.djl.ndarray.NDArray;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;
import org.maskrt.perf.bench.Source;
import org.maskrt.perf.bench.Subject;
import org.maskrt.trainer.EagerModel;
import org.maskrt.trainer.NdOps;

/** The graphs of a model, run operation by operation by DJL's PyTorch engine. The source must stay open. For use by one thread at a time. */
final class EagerGraphs implements AutoCloseable {
    private final Source source;
    private final Map<Weights, EagerModel> models = new HashMap<>();

    EagerGraphs(Source source) {
        this.source = source;
    }

    Subject subject(String graph) {
        return source.subject(graph);
    }

    /**
     * All outputs, by name.
     *
     * @param probe sees what layers compute; null for none
     */
    Map<String, Tensor> run(Subject subject, Map<String, Tensor> inputs, @Nullable BiConsumer<String, NDArray> probe) {
        List<String> names = List.copyOf(inputs.keySet());
        Map<String, Tensor> outputs = new LinkedHashMap<>();
        models.computeIfAbsent(subject.weights(), EagerModel::over)
                .run(
                        (ops, p, in) -> {
                            Map<String, NDArray> named = new LinkedHashMap<>();
                            for (int i = 0; i < names.size(); i++) {
                                named.put(names.get(i), in.get(i));
                            }
                            Map<String, NDArray> results = build(subject, ops, p, named, probe);
                            results.forEach((name, value) -> outputs.put(name, NdOps.tensor(value)));
                            return results.values().iterator().next();
                        },
                        inputs.values().toArray(new Tensor[0]));
        return outputs;
    }

    private static Map<String, NDArray> build(
            Subject subject,
            NdOps ops,
            Params<NDArray> p,
            Map<String, NDArray> in,
            @Nullable BiConsumer<String, NDArray> probe) {
        if (probe == null) {
            return subject.graph().build(ops, p, in);
        }
        TapOps<NDArray> tapped = new TapOps<>(ops, probe);
        return subject.graph().build(tapped, tapped.params(p), in);
    }

    @Override
    public void close() {
        models.values().forEach(EagerModel::close);
        models.clear();
    }
}

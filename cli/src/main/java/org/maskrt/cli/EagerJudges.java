package org.maskrt.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.EagerJudge;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;
import org.maskrt.trainer.EagerModel;

/** Compares exported graphs with the eager model on PyTorch; the weights are loaded once for all graphs of them. */
final class EagerJudges implements EagerJudge, AutoCloseable {
    private @Nullable Weights loaded;
    private @Nullable EagerModel model;

    @Override
    public Map<String, Tensor> run(ModelGraph graph, Weights weights, Map<String, Tensor> inputs) {
        EagerModel eager = model;
        if (eager == null || loaded != weights) {
            close();
            eager = new EagerModel(weights);
            model = eager;
            loaded = weights;
        }
        List<String> names = new ArrayList<>(inputs.keySet());
        Map<String, Tensor> out = new LinkedHashMap<>();
        for (String output : graph.outputs()) {
            out.put(
                    output,
                    eager.run(
                            (ops, p, in) -> {
                                Map<String, ai.djl.ndarray.NDArray> named = new LinkedHashMap<>();
                                for (int i = 0; i < names.size(); i++) {
                                    named.put(names.get(i), in.get(i));
                                }
                                ai.djl.ndarray.NDArray result =
                                        graph.build(ops, p, named).get(output);
                                if (result == null) {
                                    throw new IllegalStateException(graph.name() + " has no output " + output);
                                }
                                return result;
                            },
                            inputs.values().toArray(new Tensor[0])));
        }
        return out;
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
            model = null;
            loaded = null;
        }
    }
}

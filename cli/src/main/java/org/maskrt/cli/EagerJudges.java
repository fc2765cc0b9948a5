package org.maskrt.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.exporter.EagerJudge;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;
import org.maskrt.trainer.EagerModel;

/** The eager model on PyTorch, with which exported graphs are compared; its weights are held only while it runs. */
final class EagerJudges implements EagerJudge {
    @Override
    public Map<String, Tensor> run(ModelGraph graph, Weights weights, Map<String, Tensor> inputs) {
        try (EagerModel eager = EagerModel.over(weights)) {
            return run(eager, graph, inputs);
        }
    }

    private static Map<String, Tensor> run(EagerModel eager, ModelGraph graph, Map<String, Tensor> inputs) {
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
}

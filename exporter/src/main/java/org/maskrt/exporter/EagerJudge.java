package org.maskrt.exporter;

import java.util.Map;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

/** Runs a graph eagerly: what an exported file is compared with. */
@FunctionalInterface
public interface EagerJudge {
    /** The outputs of {@code graph} by name. */
    Map<String, Tensor> run(ModelGraph graph, Weights weights, Map<String, Tensor> inputs);

    /** {@link ReferenceOps}: exact and slow, for models of a few million parameters. */
    static EagerJudge reference() {
        return (graph, weights, inputs) -> graph.build(new ReferenceOps(), Params.of(weights.source()), inputs);
    }
}

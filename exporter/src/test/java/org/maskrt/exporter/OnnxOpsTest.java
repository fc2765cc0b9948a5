package org.maskrt.exporter;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.GraphStyle.Bias;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.models.ops.OpsLaws;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

/** The laws, each written to a file, checked, and run by ONNX Runtime. */
class OnnxOpsTest {
    @TempDir
    static Path folder;

    private static Tensor run(
            GraphStyle style, boolean fold, OpsLaws.Law law, Map<String, Tensor> weights, List<Tensor> inputs) {
        OnnxGraph graph = new OnnxGraph();
        OnnxOps ops = new OnnxOps(graph, style);
        List<OnnxValue> in = new ArrayList<>();
        Map<String, Tensor> feeds = new LinkedHashMap<>();
        for (Tensor x : inputs) {
            if (fold) {
                in.add(
                        x.isIndices()
                                ? ops.indices(x.indices(), x.shape().dims())
                                : ops.constant(x.values(), x.shape().dims()));
            } else {
                String name = "in" + feeds.size();
                in.add(graph.input(name, x.shape(), x.isIndices() ? OnnxType.INT64 : OnnxType.FLOAT));
                feeds.put(name, x);
            }
        }
        ops.output("out", law.apply(ops, ops.params(Weights.of("law", weights)), in));
        try {
            Path here = Files.createTempDirectory(folder, "law");
            OnnxFile.write(here, graph, Map.of(), fraction -> {});
            OnnxChecker.check(here.resolve(OnnxFile.MODEL));
            try (ValidationSession session = ValidationSession.open(here.resolve(OnnxFile.MODEL))) {
                return session.run(feeds).get("out");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Nested
    class Default extends OpsLaws {
        @Override
        protected Tensor run(Law law, Map<String, Tensor> weights, List<Tensor> inputs) {
            return OnnxOpsTest.run(GraphStyle.DEFAULT, false, law, weights, inputs);
        }
    }

    @Nested
    class FusedAttention extends OpsLaws {
        @Override
        protected Tensor run(Law law, Map<String, Tensor> weights, List<Tensor> inputs) {
            return OnnxOpsTest.run(GraphStyle.DEFAULT.with(Attention.ORT_MHA), false, law, weights, inputs);
        }
    }

    @Nested
    class ForTensorRt extends OpsLaws {
        @Override
        protected Tensor run(Law law, Map<String, Tensor> weights, List<Tensor> inputs) {
            GraphStyle style = GraphStyle.tensorrt(Precision.FP32).with(Bias.GATHER);
            return OnnxOpsTest.run(style, false, law, weights, inputs);
        }
    }

    @Nested
    class Folded extends OpsLaws {
        @Override
        protected Tensor run(Law law, Map<String, Tensor> weights, List<Tensor> inputs) {
            return OnnxOpsTest.run(GraphStyle.DEFAULT, true, law, weights, inputs);
        }
    }
}

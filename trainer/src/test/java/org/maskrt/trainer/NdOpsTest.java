package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.OpsLaws;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

class NdOpsTest extends OpsLaws {
    @Override
    protected Tensor run(Law law, Map<String, Tensor> weights, List<Tensor> inputs) {
        try (DjlInterpreter djl = new DjlInterpreter()) {
            return djl.run(law, Weights.of("the law's weights", weights), inputs);
        }
    }

    @Test
    void bfloat16IsNearAndStaysInside() {
        Tensor x = normal(2, 5, 64);
        Map<String, Tensor> weights = Map.of(
                "qkv.weight",
                normal(192, 64),
                "qkv.bias",
                normal(192),
                "fc2.weight",
                normal(64, 192),
                "fc2.bias",
                normal(64));
        try (NDManager manager = Torch.engine().newBaseManager();
                NdOps exact = new NdOps(manager);
                NdOps rounded = new NdOps(manager, Precision.BF16);
                NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            Params<NDArray> p = Params.of((path, shape) -> exact.array(weights.get(path)));
            Tensor expected = NdOps.tensor(block(exact, p, exact.array(x)));
            Tensor actual = NdOps.tensor(block(rounded, p, exact.array(x)));
            double max = 0;
            double diff = 0;
            for (int i = 0; i < expected.size(); i++) {
                max = Math.max(max, Math.abs(expected.values()[i]));
                diff = Math.max(diff, Math.abs(expected.values()[i] - actual.values()[i]));
            }
            assertTrue(diff > 0 && diff < 0.02 * max, "max|diff| " + diff + " of " + max);
        }
    }

    /** The operations that take bfloat16, between fp32 inputs and outputs. */
    private static <T> T block(Ops<T> ops, Params<T> p, T x) {
        List<T> qkv = ops.split(ops.linear(p.at("qkv"), x, 64, 192), 2, 64, 64, 64);
        T mixed = ops.attention("a", qkv.get(0), qkv.get(1), qkv.get(2), 2, null);
        T wide = ops.geluTanh(ops.concat(2, List.of(mixed, qkv.get(1), qkv.get(2))));
        return ops.linear(p.at("fc2"), wide, 192, 64);
    }

    @Test
    void constantsKeepTheirShape() {
        try (NDManager manager = Torch.engine().newBaseManager();
                NdOps ops = new NdOps(manager)) {
            assertEquals("[1]", ops.shape(ops.constant(new float[] {3}, 1)).toString());
            assertEquals("[1,1]", ops.shape(ops.constant(new float[] {3}, 1, 1)).toString());
        }
    }

    private static Tensor normal(int... dims) {
        Random random = new Random(5);
        Tensor t = Tensor.zeros(dims);
        for (int i = 0; i < t.size(); i++) {
            t.values()[i] = (float) random.nextGaussian() * (dims.length == 2 ? 0.1f : 1);
        }
        return t;
    }
}

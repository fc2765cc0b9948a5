package org.maskrt.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.ForwardingOps;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.OpsLaws;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

class RangeOpsTest {
    private static final long SEED = 62;
    private static final Dit MODEL = new Dit(new DitConfig(4, 2, 3, 8, 2, 2, 2, 5, true));

    @Nested
    class Linears extends OpsLaws {
        @Override
        protected Tensor run(Law law, Map<String, Tensor> weights, List<Tensor> inputs) {
            return law.apply(
                    new RangeOps<>(new ReferenceOps(), (path, x, channels) -> {}, RangeOps.Scope.LINEARS),
                    params(weights),
                    inputs);
        }
    }

    @Nested
    class LinearsAndAttentions extends OpsLaws {
        @Override
        protected Tensor run(Law law, Map<String, Tensor> weights, List<Tensor> inputs) {
            return law.apply(
                    new RangeOps<>(
                            new ReferenceOps(), (path, x, channels) -> {}, RangeOps.Scope.LINEARS_AND_ATTENTIONS),
                    params(weights),
                    inputs);
        }
    }

    /** A composite that is not handed on would hide the faster form of the interpreter within. */
    @Test
    void everyOperationIsHandedOn() {
        Set<String> own = Arrays.stream(ForwardingOps.class.getDeclaredMethods())
                .map(Method::getName)
                .collect(Collectors.toSet());
        Set<String> missing = Arrays.stream(Ops.class.getMethods())
                .map(Method::getName)
                .collect(Collectors.toCollection(TreeSet::new));
        missing.removeAll(own);
        assertEquals(Set.of("selfAttention"), missing);
    }

    private static Map<String, Tensor> weights() {
        CostOps cost = new CostOps();
        MODEL.forward(cost, cost.params(), cost.input(2, 3, 4, 4), cost.input(2), cost.input(2));
        Random random = new Random(SEED);
        Map<String, Tensor> weights = new LinkedHashMap<>();
        cost.weights().forEach((path, shape) -> weights.put(path, normal(random, shape)));
        return weights;
    }

    private static Tensor normal(Random random, Shape shape) {
        Tensor t = Tensor.zeros(shape.dims());
        for (int i = 0; i < t.size(); i++) {
            t.values()[i] = (float) (0.4 * random.nextGaussian());
        }
        return t;
    }

    private static Tensor forward(Ops<Tensor> ops, Map<String, Tensor> weights, float timestep) {
        Random random = new Random(SEED + 1);
        Params<Tensor> p = Params.of((path, shape) -> weights.get(path));
        Tensor label = Tensor.ofIndices(new long[] {1, 5}, 2);
        return MODEL.forward(
                ops, p, normal(random, Shape.of(2, 3, 4, 4)), Tensor.of(new float[] {timestep, timestep}, 2), label);
    }

    @Test
    void theInputsOfABlocksLinearsAreRecordedByPathAndTimestep() {
        Map<String, Tensor> weights = weights();
        Observations o = new Observations(TimestepBins.even(0, 1000, 2), 4);
        Recorder<Tensor> recorder = new Recorder<>(o, QuantisedPaths.LINEARS, Tensor::values);
        RangeOps<Tensor> ops = new RangeOps<>(new ReferenceOps(), recorder, RangeOps.Scope.LINEARS);
        for (float t : new float[] {100, 900, 950}) {
            recorder.at(t);
            assertArrayEquals(
                    forward(new ReferenceOps(), weights, t).values(),
                    forward(ops, weights, t).values());
        }
        Set<String> paths = new TreeSet<>();
        for (int block = 0; block < 2; block++) {
            for (String linear : new String[] {"attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"}) {
                paths.add("blocks." + block + "." + linear);
            }
        }
        assertEquals(paths, o.paths());
        assertEquals(8, o.at("blocks.1.attn.qkv", 0).rows());
        assertEquals(16, o.at("blocks.1.attn.qkv", 1).rows());
        assertEquals(16, o.at("blocks.1.mlp.fc2", 1).channels());
    }

    @Test
    void operandsOfAttentionsAreRecordedWhereAskedFor() {
        Map<String, Shape> seen = new TreeMap<>();
        RangeOps<Tensor> ops = new RangeOps<>(
                new ReferenceOps(),
                (path, x, channels) -> {
                    assertEquals(x.dim(-1), channels);
                    if (QuantisedPaths.LINEARS_AND_ATTENTIONS.test(path)) {
                        seen.put(path, x.shape());
                    }
                    if (path.endsWith(".softmax")) {
                        for (int i = 0; i < x.size(); i += channels) {
                            float sum = 0;
                            for (int j = i; j < i + channels; j++) {
                                sum += x.values()[j];
                            }
                            assertEquals(1, sum, 1e-5, path);
                        }
                    }
                },
                RangeOps.Scope.LINEARS_AND_ATTENTIONS);
        forward(ops, weights(), 10);
        assertEquals(16, seen.size());
        assertEquals(Shape.of(2, 4, 8), seen.get("blocks.0.attn.q"));
        assertEquals(Shape.of(2, 4, 8), seen.get("blocks.0.attn.k"));
        assertEquals(Shape.of(2, 4, 8), seen.get("blocks.0.attn.v"));
        assertEquals(Shape.of(2, 2, 4, 4), seen.get("blocks.0.attn.softmax"));
    }

    @Test
    void aNanIsFoundAtThePathThatReadsIt() {
        Map<String, Tensor> weights = weights();
        weights.get("blocks.0.mlp.fc1.bias").values()[3] = Float.NaN;
        Observations o = new Observations(TimestepBins.even(0, 1000, 1), 4);
        Recorder<Tensor> recorder = new Recorder<>(o, QuantisedPaths.LINEARS, Tensor::values);
        RangeOps<Tensor> ops = new RangeOps<>(new ReferenceOps(), recorder, RangeOps.Scope.LINEARS);
        MaskRtException e = assertThrows(MaskRtException.class, () -> forward(ops, weights, 10));
        assertEquals(ExitCode.NOT_FINITE, e.code());
        assertTrue(
                e.getMessage().startsWith("blocks.0.mlp.fc2 (timesteps 0.0 to 1000.0): expected finite"),
                e.getMessage());
    }

    @Test
    void onlyLinearsOnTokensInBlocksAreQuantised() {
        for (String path : new String[] {
            "blocks.0.attn.qkv",
            "model.decoder_blocks.7.mlp.fc2",
            "en_inblocks.2.attn.proj",
            "en_outblocks.3.skip_linear",
            "sideblocks.0.mlp.fc1"
        }) {
            assertTrue(QuantisedPaths.LINEARS.test(path), path);
        }
        for (String path : new String[] {
            "blocks.0.adaLN_modulation.1",
            "t_embedder.mlp.0",
            "x_embedder.proj",
            "final_layer.linear",
            "ccnet.image.proj",
            "blocks.0.attn.softmax"
        }) {
            assertFalse(QuantisedPaths.LINEARS.test(path), path);
        }
        assertTrue(QuantisedPaths.LINEARS_AND_ATTENTIONS.test("blocks.0.attn.softmax"));
    }
}

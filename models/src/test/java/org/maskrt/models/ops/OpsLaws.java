package org.maskrt.models.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * What every interpreter of {@link Ops} must satisfy: each operation and each composite gives what {@link ReferenceOps} gives with the default
 * methods. An interpreter subclasses this and says how to run a function of tensors.
 */
public abstract class OpsLaws {
    private static final long SEED = 20_240_917;
    private static final double TOLERANCE = 3e-6;

    /** A program of one or two operations. */
    public interface Law extends Program {}

    /** Runs {@code law} on {@code inputs} with weights {@code weights} in the interpreter under test. */
    protected abstract Tensor run(Law law, Map<String, Tensor> weights, List<Tensor> inputs);

    /** One law, its weights and its inputs. */
    private record Case(String name, Law law, Map<String, Tensor> weights, List<Tensor> inputs) {}

    @TestFactory
    Stream<DynamicTest> laws() {
        return cases().map(c -> DynamicTest.dynamicTest(c.name + " (seed " + SEED + ")", () -> {
            Tensor expected = c.law.apply(new ReferenceOps(), params(c.weights), c.inputs);
            Tensor actual = run(c.law, c.weights, c.inputs);
            assertEquals(expected.shape(), actual.shape(), c.name + ": shape");
            double max = 0;
            double diff = 0;
            int worst = 0;
            for (int i = 0; i < expected.size(); i++) {
                max = Math.max(max, Math.abs(expected.values()[i]));
                double d = Math.abs(expected.values()[i] - actual.values()[i]);
                if (!(d <= diff)) {
                    diff = d;
                    worst = i;
                }
            }
            assertTrue(
                    diff <= TOLERANCE * Math.max(1, max),
                    c.name + ": max|diff| " + diff + " at " + worst + ", max|expected| " + max);
        }));
    }

    /** Weights of a map, as an interpreter on the host sees them. */
    protected static Params<Tensor> params(Map<String, Tensor> weights) {
        return Params.of((path, shape) -> {
            Tensor t = weights.get(path);
            if (t == null || !t.shape().equals(shape)) {
                throw new IllegalArgumentException(path + ": wanted " + shape + ", got " + t);
            }
            return t;
        });
    }

    private static Stream<Case> cases() {
        Random random = new Random(SEED);
        Function<int[], Tensor> normal = dims -> {
            Tensor t = Tensor.zeros(dims);
            for (int i = 0; i < t.size(); i++) {
                t.values()[i] = (float) random.nextGaussian();
            }
            return t;
        };
        Tensor x = normal.apply(new int[] {2, 3, 8});
        Tensor y = normal.apply(new int[] {2, 3, 8});
        Tensor row = normal.apply(new int[] {8});
        Tensor picture = normal.apply(new int[] {2, 4, 6, 6});
        Tensor positive = Tensor.of(new float[] {0.1f, 1, 2.5f, 40}, 1, 4);
        Tensor ids = Tensor.ofIndices(new long[] {2, 0, 1, 1}, 2, 2);
        Tensor bias = normal.apply(new int[] {1, 2, 3, 3});
        Tensor big = normal.apply(new int[] {2, 5, 72});
        Map<String, Tensor> linear = new LinkedHashMap<>();
        linear.put("l.weight", normal.apply(new int[] {5, 8}));
        linear.put("l.bias", normal.apply(new int[] {5}));
        Map<String, Tensor> conv = new LinkedHashMap<>();
        conv.put("c.weight", normal.apply(new int[] {3, 4, 3, 3}));
        conv.put("c.bias", normal.apply(new int[] {3}));
        Map<String, Tensor> self = new LinkedHashMap<>();
        self.put("a.qkv.weight", normal.apply(new int[] {24, 8}));
        self.put("a.qkv.bias", normal.apply(new int[] {24}));
        Map<String, Tensor> group = new LinkedHashMap<>();
        group.put("g.weight", normal.apply(new int[] {4}));
        group.put("g.bias", normal.apply(new int[] {4}));
        return Stream.of(
                law("constant", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.add(in.get(0), o.constant(new float[] {1, 2, 3}, 3, 1));
                    }
                }),
                law("reshape", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.reshape(in.get(0), Shape.BATCH, 4, 6);
                    }
                }),
                law("transpose", List.of(picture), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.transpose(in.get(0), 0, 3, 1, 2);
                    }
                }),
                law("concat", List.of(x, y), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.concat(1, in);
                    }
                }),
                law("concat of the last axis", List.of(x, y), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.concat(-1, in);
                    }
                }),
                law("slice", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.slice(in.get(0), -1, 2, 5);
                    }
                }),
                law("split", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        List<T> parts = o.split(in.get(0), 2, 2, 5, 1);
                        return o.mul(parts.get(1), parts.get(2));
                    }
                }),
                law("add", List.of(x, row), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.add(in.get(0), in.get(1));
                    }
                }),
                law("sub", List.of(x, row), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.sub(in.get(1), in.get(0));
                    }
                }),
                law("mul", List.of(x, y), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.mul(in.get(0), in.get(1));
                    }
                }),
                law("div", List.of(x, positive), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.div(o.slice(in.get(0), 2, 0, 4), in.get(1));
                    }
                }),
                law("matmul", List.of(x, y), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.matmul(in.get(0), o.transpose(in.get(1), 0, 2, 1));
                    }
                }),
                law("matmul of a shared matrix", List.of(x, y), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.matmul(in.get(0), o.reshape(o.slice(in.get(1), 0, 0, 1), 8, 3));
                    }
                }),
                law("sum", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.sum(in.get(0), 1);
                    }
                }),
                law("mean", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.mean(in.get(0), -1);
                    }
                }),
                law("exp", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.exp(in.get(0));
                    }
                }),
                law("sqrt", List.of(positive), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.sqrt(in.get(0));
                    }
                }),
                law("tanh", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.tanh(in.get(0));
                    }
                }),
                law("erf", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.erf(in.get(0));
                    }
                }),
                law("sin", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.sin(in.get(0));
                    }
                }),
                law("cos", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.cos(in.get(0));
                    }
                }),
                law("rows", List.of(row, ids), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.rows(o.reshape(in.get(0), 4, 2), in.get(1));
                    }
                }),
                law("takeTokens", List.of(x, ids), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.takeTokens(in.get(0), in.get(1));
                    }
                }),
                law("indices known beforehand", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.takeTokens(in.get(0), o.indices(new long[] {0, 2, 1, 1}, 2, 2));
                    }
                }),
                law("softmax", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.softmax(o.scale(in.get(0), 5));
                    }
                }),
                law("conv2d", conv, List.of(picture), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.conv2d(in.get(0), p.get("c.weight", 3, 4, 3, 3), p.get("c.bias", 3), Conv2d.same(3));
                    }
                }),
                law("conv2d with stride and one-sided padding", conv, List.of(picture), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        Conv2d halve = new Conv2d(2, 0, 0, 1, 1);
                        return o.conv2d(in.get(0), p.get("c.weight", 3, 4, 3, 3), p.get("c.bias", 3), halve);
                    }
                }),
                law("stopGradient", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.stopGradient(in.get(0));
                    }
                }),
                law("scale and shift", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.shift(o.scale(in.get(0), -1.5f), 0.25f);
                    }
                }),
                law("linear", linear, List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.linear(p.at("l"), in.get(0), 8, 5);
                    }
                }),
                law("sigmoid", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.sigmoid(in.get(0));
                    }
                }),
                law("silu", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.silu(in.get(0));
                    }
                }),
                law("gelu", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.gelu(o.scale(in.get(0), 2));
                    }
                }),
                law("geluTanh", List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.geluTanh(o.scale(in.get(0), 2));
                    }
                }),
                law("layerNorm", List.of(big), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.layerNorm(o.shift(in.get(0), 3), 1e-6f);
                    }
                }),
                law("adaLayerNorm", List.of(x, y), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        T shift = o.slice(in.get(1), 1, 0, 1);
                        T scale = o.slice(in.get(1), 1, 1, 2);
                        return o.adaLayerNorm(in.get(0), shift, scale, 1e-6f);
                    }
                }),
                law("groupNorm", group, List.of(picture), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.groupNorm(p.at("g"), in.get(0), 2, 1e-6f);
                    }
                }),
                law("upsampleNearest2x", List.of(picture), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.upsampleNearest2x(in.get(0));
                    }
                }),
                law("attention", List.of(x, y), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.attention("a", in.get(0), in.get(1), in.get(0), 2, null);
                    }
                }),
                law("attention with bias", List.of(x, y, bias), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.attention("a", in.get(0), in.get(1), in.get(1), 2, in.get(2));
                    }
                }),
                law("attention of scaled queries", List.of(x, y, bias), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.attend("a", in.get(0), in.get(1), in.get(1), 2, in.get(2));
                    }
                }),
                law("selfAttention", self, List.of(x, bias), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.selfAttention(p.at("a"), in.get(0), 2, in.get(1));
                    }
                }),
                law("selfAttention without bias", self, List.of(x), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.selfAttention(p.at("a"), in.get(0), 1, null);
                    }
                }),
                law("attention with heads of width 72", List.of(big), new Law() {
                    @Override
                    public <T> T apply(Ops<T> o, Params<T> p, List<T> in) {
                        return o.attention("a", in.get(0), in.get(0), in.get(0), 1, null);
                    }
                }));
    }

    private static Case law(String name, List<Tensor> inputs, Law law) {
        return law(name, Map.of(), inputs, law);
    }

    private static Case law(String name, Map<String, Tensor> weights, List<Tensor> inputs, Law law) {
        return new Case(name, law, weights, inputs);
    }
}

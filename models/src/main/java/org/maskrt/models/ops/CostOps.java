package org.maskrt.models.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Costs from shapes alone: parameters, multiply-accumulates and bytes moved, per parameter path. It also checks every shape of a model, in
 * milliseconds. Batches are counted as given to {@link #input}.
 *
 * <p>MACs are those of matrix products and convolutions, as the papers count; elementwise operations, norms and softmax have none. Bytes are 4 for
 * each element that an operation reads or writes, so they are those of an interpreter that fuses nothing.
 */
public final class CostOps implements Ops<Shape> {
    /**
     * The cost under one path.
     *
     * @param path of the weights, or of an attention
     * @param parameters number of weights
     * @param macs multiply-accumulates
     * @param bytes read and written, weights included
     * @param normalised elements that went through a LayerNorm, which the papers count in different ways
     */
    public record Cost(String path, long parameters, long macs, long bytes, long normalised) {
        Cost plus(Cost c) {
            return new Cost(path, parameters + c.parameters, macs + c.macs, bytes + c.bytes, normalised + c.normalised);
        }
    }

    private final Map<String, Shape> weights = new LinkedHashMap<>();
    private final Map<String, Cost> costs = new LinkedHashMap<>();
    private String path = "";

    /** An input of the model. */
    public Shape input(int... dims) {
        return Shape.of(dims);
    }

    /** Weights of whatever path and shape the model asks for. */
    public Params<Shape> params() {
        return Params.of((name, shape) -> {
            int dot = name.lastIndexOf('.');
            path = dot < 0 ? name : name.substring(0, dot);
            if (weights.putIfAbsent(name, shape) == null) {
                count(shape.size(), 0, 0, 0);
            }
            return shape;
        });
    }

    /** Every weight that the model asked for, in order. */
    public Map<String, Shape> weights() {
        return new LinkedHashMap<>(weights);
    }

    public List<Cost> rows() {
        return new ArrayList<>(costs.values());
    }

    public Cost total() {
        Cost sum = new Cost("total", 0, 0, 0, 0);
        for (Cost c : costs.values()) {
            sum = sum.plus(c);
        }
        return sum;
    }

    private void count(long parameters, long macs, long elements, long normalised) {
        costs.merge(path, new Cost(path, parameters, macs, 4 * elements, normalised), Cost::plus);
    }

    private Shape moved(long macs, Shape out, Shape... in) {
        long elements = out.size();
        for (Shape s : in) {
            elements += s.size();
        }
        count(0, macs, elements, 0);
        return out;
    }

    @Override
    public Shape constant(float[] values, int... dims) {
        return Tensor.of(values, dims).shape();
    }

    @Override
    public Shape indices(long[] values, int... dims) {
        return Tensor.ofIndices(values, dims).shape();
    }

    @Override
    public Shape shape(Shape x) {
        return x;
    }

    @Override
    public Shape reshape(Shape x, int... dims) {
        return Shape.reshape(x, dims);
    }

    @Override
    public Shape transpose(Shape x, int... perm) {
        return x.permute(perm);
    }

    @Override
    public Shape concat(int axis, List<Shape> parts) {
        int a = parts.get(0).axis(axis);
        int length = 0;
        for (Shape part : parts) {
            if (!part.with(a, 1).equals(parts.get(0).with(a, 1))) {
                throw new IllegalArgumentException("concat on axis " + a + " needs equal other axes, got " + parts);
            }
            length += part.dim(a);
        }
        return moved(0, parts.get(0).with(a, length), parts.toArray(new Shape[0]));
    }

    @Override
    public Shape slice(Shape x, int axis, int from, int to) {
        if (from < 0 || to > x.dim(axis) || from >= to) {
            throw new IllegalArgumentException(
                    "slice [" + from + ", " + to + ") is outside axis " + x.axis(axis) + " of the shape " + x);
        }
        return x.with(axis, to - from);
    }

    @Override
    public Shape add(Shape a, Shape b) {
        return moved(0, Shape.broadcast(a, b), a, b);
    }

    @Override
    public Shape sub(Shape a, Shape b) {
        return add(a, b);
    }

    @Override
    public Shape mul(Shape a, Shape b) {
        return add(a, b);
    }

    @Override
    public Shape div(Shape a, Shape b) {
        return add(a, b);
    }

    @Override
    public Shape matmul(Shape a, Shape b) {
        Shape out = Shape.matmul(a, b);
        return moved((long) out.size() * a.dim(-1), out, a, b);
    }

    @Override
    public Shape sum(Shape x, int axis) {
        return moved(0, x.with(axis, 1), x);
    }

    @Override
    public Shape exp(Shape x) {
        return moved(0, x, x);
    }

    @Override
    public Shape sqrt(Shape x) {
        return exp(x);
    }

    @Override
    public Shape tanh(Shape x) {
        return exp(x);
    }

    @Override
    public Shape erf(Shape x) {
        return exp(x);
    }

    @Override
    public Shape sin(Shape x) {
        return exp(x);
    }

    @Override
    public Shape cos(Shape x) {
        return exp(x);
    }

    @Override
    public Shape rows(Shape table, Shape indices) {
        int[] dims = Arrays.copyOf(indices.dims(), indices.rank() + 1);
        dims[indices.rank()] = table.dim(1);
        Shape out = Shape.of(dims);
        return moved(0, out, out);
    }

    @Override
    public Shape takeTokens(Shape x, Shape indices) {
        Shape out = Shape.of(x.dim(0), indices.dim(1), x.dim(2));
        return moved(0, out, out);
    }

    @Override
    public Shape softmax(Shape x) {
        return exp(x);
    }

    @Override
    public Shape conv2d(Shape x, Shape weight, Shape bias, Conv2d geometry) {
        Shape out = geometry.shape(x, weight);
        return moved((long) out.size() * weight.size() / weight.dim(0), out, x, weight, bias);
    }

    @Override
    public Shape stopGradient(Shape x) {
        return x;
    }

    @Override
    public Shape layerNorm(Shape x, float eps) {
        count(0, 0, 0, x.size());
        return Ops.super.layerNorm(x, eps);
    }

    @Override
    public Shape attention(String name, Shape q, Shape k, Shape v, int heads, @Nullable Shape bias) {
        path = name;
        return Ops.super.attention(name, q, k, v, heads, bias);
    }
}

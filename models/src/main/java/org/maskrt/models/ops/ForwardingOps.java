package org.maskrt.models.ops;

import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Another interpreter, for decorators that see or change some of its operations. All are handed on but {@code selfAttention}: what an interpreter
 * does there at once would hide its linear.
 *
 * @param <T> the interpreter's tensor
 */
public abstract class ForwardingOps<T> implements Ops<T> {
    private final Ops<T> inner;

    protected ForwardingOps(Ops<T> inner) {
        this.inner = inner;
    }

    @Override
    public T linear(Params<T> p, T x, int in, int out) {
        return inner.linear(p, x, in, out);
    }

    @Override
    public T attention(String path, T q, T k, T v, int heads, @Nullable T bias) {
        return inner.attention(path, q, k, v, heads, bias);
    }

    @Override
    public T attend(String path, T q, T k, T v, int heads, @Nullable T bias) {
        return inner.attend(path, q, k, v, heads, bias);
    }

    /** The attention as {@link Ops} states it, of this interpreter's operations. */
    protected final T attentionAsStated(String path, T q, T k, T v, int heads, @Nullable T bias) {
        return Ops.super.attention(path, q, k, v, heads, bias);
    }

    /** {@link #attentionAsStated} of queries that are divided by sqrt(d) already. */
    protected final T attendAsStated(String path, T q, T k, T v, int heads, @Nullable T bias) {
        return Ops.super.attend(path, q, k, v, heads, bias);
    }

    @Override
    public T softmax(T x) {
        return inner.softmax(x);
    }

    @Override
    public T constant(float[] values, int... dims) {
        return inner.constant(values, dims);
    }

    @Override
    public T indices(long[] values, int... dims) {
        return inner.indices(values, dims);
    }

    @Override
    public Shape shape(T x) {
        return inner.shape(x);
    }

    @Override
    public T reshape(T x, int... dims) {
        return inner.reshape(x, dims);
    }

    @Override
    public T transpose(T x, int... perm) {
        return inner.transpose(x, perm);
    }

    @Override
    public T concat(int axis, List<T> parts) {
        return inner.concat(axis, parts);
    }

    @Override
    public T slice(T x, int axis, int from, int to) {
        return inner.slice(x, axis, from, to);
    }

    @Override
    public T add(T a, T b) {
        return inner.add(a, b);
    }

    @Override
    public T sub(T a, T b) {
        return inner.sub(a, b);
    }

    @Override
    public T mul(T a, T b) {
        return inner.mul(a, b);
    }

    @Override
    public T div(T a, T b) {
        return inner.div(a, b);
    }

    @Override
    public T matmul(T a, T b) {
        return inner.matmul(a, b);
    }

    @Override
    public T sum(T x, int axis) {
        return inner.sum(x, axis);
    }

    @Override
    public T exp(T x) {
        return inner.exp(x);
    }

    @Override
    public T sqrt(T x) {
        return inner.sqrt(x);
    }

    @Override
    public T tanh(T x) {
        return inner.tanh(x);
    }

    @Override
    public T erf(T x) {
        return inner.erf(x);
    }

    @Override
    public T sin(T x) {
        return inner.sin(x);
    }

    @Override
    public T cos(T x) {
        return inner.cos(x);
    }

    @Override
    public T rows(T table, T indices) {
        return inner.rows(table, indices);
    }

    @Override
    public T takeTokens(T x, T indices) {
        return inner.takeTokens(x, indices);
    }

    @Override
    public T conv2d(T x, T weight, T bias, Conv2d geometry) {
        return inner.conv2d(x, weight, bias, geometry);
    }

    @Override
    public T stopGradient(T x) {
        return inner.stopGradient(x);
    }

    @Override
    public T scale(T x, float factor) {
        return inner.scale(x, factor);
    }

    @Override
    public T shift(T x, float summand) {
        return inner.shift(x, summand);
    }

    @Override
    public T mean(T x, int axis) {
        return inner.mean(x, axis);
    }

    @Override
    public List<T> split(T x, int axis, int... sizes) {
        return inner.split(x, axis, sizes);
    }

    @Override
    public T section(Supplier<T> body) {
        return inner.section(body);
    }

    @Override
    public T sigmoid(T x) {
        return inner.sigmoid(x);
    }

    @Override
    public T silu(T x) {
        return inner.silu(x);
    }

    @Override
    public T gelu(T x) {
        return inner.gelu(x);
    }

    @Override
    public T geluTanh(T x) {
        return inner.geluTanh(x);
    }

    @Override
    public T layerNorm(T x, float eps) {
        return inner.layerNorm(x, eps);
    }

    @Override
    public T adaLayerNorm(T x, T shift, T onePlusScale, float eps) {
        return inner.adaLayerNorm(x, shift, onePlusScale, eps);
    }

    @Override
    public T groupNorm(Params<T> p, T x, int groups, float eps) {
        return inner.groupNorm(p, x, groups, eps);
    }

    @Override
    public T upsampleNearest2x(T x) {
        return inner.upsampleNearest2x(x);
    }
}

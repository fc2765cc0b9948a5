package org.maskrt.calibration;

import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Conv2d;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/**
 * Another interpreter, which shows a {@link Probe} the input of every linear, and of attentions the queries (divided by sqrt(d) already, as they enter
 * the product), keys, values and the results of softmax. Of one thread.
 *
 * @param <T> the interpreter's tensor
 */
public final class RangeOps<T> implements Ops<T> {
    /** What the probe sees. */
    public enum Scope {
        LINEARS,
        /** Attentions then run as they are written, without a faster form that the interpreter may have. */
        LINEARS_AND_ATTENTIONS
    }

    private final Ops<T> inner;
    private final Probe<T> probe;
    private final Scope scope;
    private @Nullable String attention;

    public RangeOps(Ops<T> inner, Probe<T> probe, Scope scope) {
        this.inner = inner;
        this.probe = probe;
        this.scope = scope;
    }

    private void see(String path, T x) {
        probe.see(path, x, inner.shape(x).dim(-1));
    }

    @Override
    public T linear(Params<T> p, T x, int in, int out) {
        see(p.path(), x);
        return inner.linear(p, x, in, out);
    }

    @Override
    public T attention(String path, T q, T k, T v, int heads, @Nullable T bias) {
        return scope == Scope.LINEARS
                ? inner.attention(path, q, k, v, heads, bias)
                : Ops.super.attention(path, q, k, v, heads, bias);
    }

    @Override
    public T attend(String path, T q, T k, T v, int heads, @Nullable T bias) {
        if (scope == Scope.LINEARS) {
            return inner.attend(path, q, k, v, heads, bias);
        }
        see(path + ".q", q);
        see(path + ".k", k);
        see(path + ".v", v);
        attention = path;
        try {
            return Ops.super.attend(path, q, k, v, heads, bias);
        } finally {
            attention = null;
        }
    }

    @Override
    public T softmax(T x) {
        T y = inner.softmax(x);
        if (attention != null) {
            see(attention + ".softmax", y);
        }
        return y;
    }

    // selfAttention keeps its default: what an interpreter does at once would hide its linear.

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

package org.maskrt.models.ops;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The vocabulary in which every model is written, once. An interpreter gives it a meaning: numbers on the host ({@code ReferenceOps}), costs
 * ({@code CostOps}), differentiable arrays, ONNX nodes.
 *
 * <p>Tensors hold fp32 values or int64 indices; nothing is promoted. Axes may be negative. Elementwise operations broadcast as numpy does. There
 * is no way to read a value back and no randomness, so a model cannot branch on data. The abstract methods are required; the default methods
 * state the meaning of a composite, and an interpreter may override one only to do the same faster.
 *
 * @param <T> the interpreter's tensor
 */
public interface Ops<T> {
    /** fp32 values known beforehand. */
    T constant(float[] values, int... dims);

    /** int64 indices known beforehand. */
    T indices(long[] values, int... dims);

    Shape shape(T x);

    /** At most one dimension may be negative (a symbol of {@link Shape}): it takes what is left. */
    T reshape(T x, int... dims);

    T transpose(T x, int... perm);

    T concat(int axis, List<T> parts);

    /** Elements {@code from} (inclusive) to {@code to} (exclusive) of {@code axis}. */
    T slice(T x, int axis, int from, int to);

    /** Of indices too. */
    T add(T a, T b);

    T sub(T a, T b);

    T mul(T a, T b);

    T div(T a, T b);

    /** [.., M, K] and [.., K, N] to [.., M, N]; leading axes broadcast. */
    T matmul(T a, T b);

    /** The sum over {@code axis}, which stays with length 1. */
    T sum(T x, int axis);

    T exp(T x);

    T sqrt(T x);

    T tanh(T x);

    T erf(T x);

    T sin(T x);

    T cos(T x);

    /** Rows of a table: [V, D] and indices [..] to [.., D]. */
    T rows(T table, T indices);

    /** Tokens picked per sample: [B, N, D] and indices [B, K] to [B, K, D]. */
    T takeTokens(T x, T indices);

    /** Over the last axis. */
    T softmax(T x);

    /** [B,C,H,W] and [O,C,kh,kw] and bias [O] to [B,O,H',W']. */
    T conv2d(T x, T weight, T bias, Conv2d geometry);

    /** The same value; no gradient flows through. */
    T stopGradient(T x);

    // Composites: the meaning, which an interpreter may override by something faster that is equal.

    default T scale(T x, float factor) {
        return mul(x, constant(new float[] {factor}, 1));
    }

    default T shift(T x, float summand) {
        return add(x, constant(new float[] {summand}, 1));
    }

    /** The mean over {@code axis}, which stays with length 1. */
    default T mean(T x, int axis) {
        return scale(sum(x, axis), 1f / shape(x).dim(axis));
    }

    /** Consecutive slices of {@code axis} with the given lengths. */
    default List<T> split(T x, int axis, int... sizes) {
        List<T> parts = new ArrayList<>(sizes.length);
        int from = 0;
        for (int size : sizes) {
            parts.add(slice(x, axis, from, from + size));
            from += size;
        }
        return parts;
    }

    /** What {@code body} gives. Nothing else that it makes is used afterwards, so an interpreter may free that. */
    default T section(Supplier<T> body) {
        return body.get();
    }

    /** x W^T + b with the weights {@code weight} [out, in] and {@code bias} [out] of {@code p}: [.., in] to [.., out]. */
    default T linear(Params<T> p, T x, int in, int out) {
        return add(matmul(x, transpose(p.get("weight", out, in), 1, 0)), p.get("bias", out));
    }

    default T sigmoid(T x) {
        return div(constant(new float[] {1}, 1), shift(exp(scale(x, -1)), 1));
    }

    /** x sigmoid(x). */
    default T silu(T x) {
        return mul(x, sigmoid(x));
    }

    /** x Phi(x): the exact GELU. */
    default T gelu(T x) {
        return mul(scale(x, 0.5f), shift(erf(scale(x, (float) Math.sqrt(0.5))), 1));
    }

    /** The tanh approximation of GELU (Hendrycks and Gimpel 2016), as DiT and MDT use it. */
    default T geluTanh(T x) {
        T cube = mul(mul(x, x), x);
        T inner = scale(add(x, scale(cube, 0.044715f)), (float) Math.sqrt(2 / Math.PI));
        return mul(scale(x, 0.5f), shift(tanh(inner), 1));
    }

    /** Over the last axis, without an affine map. */
    default T layerNorm(T x, float eps) {
        T centred = sub(x, mean(x, -1));
        return div(centred, sqrt(shift(mean(mul(centred, centred), -1), eps)));
    }

    /** adaLN (DiT, section 3.2): LN(x) (1 + scale) + shift, for [B,N,D] and [B,1,D]; {@code onePlusScale} already holds the 1. */
    default T adaLayerNorm(T x, T shift, T onePlusScale, float eps) {
        return add(mul(layerNorm(x, eps), onePlusScale), shift);
    }

    /** GroupNorm of [B,C,H,W] with the weights {@code weight} [C] and {@code bias} [C] of {@code p}. */
    default T groupNorm(Params<T> p, T x, int groups, float eps) {
        Shape s = shape(x);
        int c = s.dim(1);
        T normal = reshape(
                layerNorm(reshape(x, Shape.BATCH, groups, c / groups * s.dim(2) * s.dim(3)), eps),
                Shape.BATCH,
                c,
                s.dim(2),
                s.dim(3));
        return add(mul(normal, reshape(p.get("weight", c), c, 1, 1)), reshape(p.get("bias", c), c, 1, 1));
    }

    /** Each pixel twice in both directions: [B,C,H,W] to [B,C,2H,2W]. */
    default T upsampleNearest2x(T x) {
        Shape s = shape(x);
        T y = reshape(x, Shape.BATCH, s.dim(1), s.dim(2), 1, s.dim(3), 1);
        y = concat(5, Collections.nCopies(2, y));
        y = concat(3, Collections.nCopies(2, y));
        return reshape(y, Shape.BATCH, s.dim(1), 2 * s.dim(2), 2 * s.dim(3));
    }

    /**
     * Multi-head attention softmax(q k^T / sqrt(d) + bias) v.
     *
     * @param path names the attention in graphs, cost tables and errors
     * @param q queries [B,N,heads*d]
     * @param k keys [B,M,heads*d]
     * @param v values [B,M,heads*d]
     * @param bias [1 or B, heads, N, M], added to the logits
     * @return [B,N,heads*d]
     */
    default T attention(String path, T q, T k, T v, int heads, @Nullable T bias) {
        int d = shape(q).dim(-1) / heads;
        return attend(path, scale(q, (float) (1 / Math.sqrt(d))), k, v, heads, bias);
    }

    /** {@link #attention} of queries that are divided by sqrt(d) already: softmax(q k^T + bias) v. */
    default T attend(String path, T q, T k, T v, int heads, @Nullable T bias) {
        int width = shape(q).dim(-1);
        int d = width / heads;
        int n = shape(q).dim(1);
        int m = shape(k).dim(1);
        T qh = transpose(reshape(q, Shape.BATCH, n, heads, d), 0, 2, 1, 3);
        T kh = transpose(reshape(k, Shape.BATCH, m, heads, d), 0, 2, 3, 1);
        T vh = transpose(reshape(v, Shape.BATCH, m, heads, d), 0, 2, 1, 3);
        T logits = matmul(qh, kh);
        T out = matmul(softmax(bias == null ? logits : add(logits, bias)), vh);
        return reshape(transpose(out, 0, 2, 1, 3), Shape.BATCH, n, width);
    }

    /**
     * Attention of tokens among themselves, without the projection of its result: [B,N,D] to [B,N,D].
     *
     * @param p of the attention: its linear {@code qkv} gives queries, keys and values, in this order
     * @param bias [1 or B, heads, N, N], added to the logits
     */
    default T selfAttention(Params<T> p, T x, int heads, @Nullable T bias) {
        int d = shape(x).dim(-1);
        List<T> qkv = split(linear(p.at("qkv"), x, d, 3 * d), 2, d, d, d);
        return attention(p.path(), qkv.get(0), qkv.get(1), qkv.get(2), heads, bias);
    }
}

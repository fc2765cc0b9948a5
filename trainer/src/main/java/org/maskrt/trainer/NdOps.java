package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Conv2d;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/**
 * Eager, differentiable arrays. Every result belongs to the {@link NDScope} that is open on the calling thread, whatever its
 * operands belong to; only the few scalars and unit vectors that every step needs are kept.
 *
 * <p>Not thread-safe. A call outside a scope leaves its results to the manager given here.
 */
public final class NdOps implements Ops<NDArray>, AutoCloseable {
    private final PtNDManager manager;
    private final PtNDManager kept;
    private final Precision precision;
    private final NativeOps natives;
    private final Map<Float, PtNDArray> scalars = new HashMap<>();
    private final Map<Integer, PtNDArray> ones = new HashMap<>();
    private final Map<Integer, PtNDArray> zeros = new HashMap<>();

    public NdOps(NDManager manager) {
        this(manager, Precision.FP32);
    }

    public NdOps(NDManager manager, Precision precision) {
        this.precision = precision;
        this.manager = (PtNDManager) manager;
        this.kept = (PtNDManager) manager.newSubManager();
        this.natives = new NativeOps(kept);
    }

    /** The host tensor as an array of the open scope. */
    public NDArray array(Tensor t) {
        return t.isIndices()
                ? indices(t.indices(), t.shape().dims())
                : constant(t.values(), t.shape().dims());
    }

    /** fp32 values in direct memory, which is used as it is and must stay. */
    NDArray over(ByteBuffer values, Shape shape) {
        return manager.create(values, shape(shape.dims()), DataType.FLOAT32);
    }

    /** The values on the host. */
    public static Tensor tensor(NDArray x) {
        Shape s = Shape.of(dims(x));
        return x.getDataType() == DataType.INT64
                ? Tensor.ofIndices(x.toLongArray(), s.dims())
                : Tensor.of(x.toFloatArray(), s);
    }

    @Override
    public NDArray constant(float[] values, int... dims) {
        return values.length == 1 && dims.length == 1 ? scalar(values[0]) : manager.create(values, shape(dims));
    }

    @Override
    public NDArray indices(long[] values, int... dims) {
        return manager.create(values, shape(dims));
    }

    @Override
    public Shape shape(NDArray x) {
        return Shape.of(dims(x));
    }

    @Override
    public NDArray reshape(NDArray x, int... dims) {
        long[] d = new long[dims.length];
        for (int i = 0; i < d.length; i++) {
            d[i] = Math.max(-1, dims[i]);
        }
        return JniUtils.reshape(pt(x), d);
    }

    @Override
    public NDArray transpose(NDArray x, int... perm) {
        long[] p = new long[perm.length];
        for (int i = 0; i < p.length; i++) {
            p[i] = perm[i];
        }
        return JniUtils.permute(pt(x), p);
    }

    @Override
    public NDArray concat(int axis, List<NDArray> parts) {
        return JniUtils.cat(parts.stream().map(NdOps::pt).toArray(PtNDArray[]::new), axis);
    }

    @Override
    public NDArray slice(NDArray x, int axis, int from, int to) {
        return JniUtils.slice(pt(x), axis, from, to, 1);
    }

    @Override
    public List<NDArray> split(NDArray x, int axis, int... sizes) {
        long[] s = new long[sizes.length];
        for (int i = 0; i < s.length; i++) {
            s[i] = sizes[i];
        }
        return new ArrayList<>(JniUtils.split(pt(x), s, axis));
    }

    @Override
    public NDArray add(NDArray a, NDArray b) {
        return JniUtils.add(pt(a), pt(b));
    }

    @Override
    public NDArray sub(NDArray a, NDArray b) {
        return JniUtils.sub(pt(a), pt(b));
    }

    @Override
    public NDArray mul(NDArray a, NDArray b) {
        return JniUtils.mul(pt(a), pt(b));
    }

    @Override
    public NDArray div(NDArray a, NDArray b) {
        return JniUtils.div(pt(a), pt(b));
    }

    @Override
    public NDArray matmul(NDArray a, NDArray b) {
        return JniUtils.matmul(pt(a), pt(b));
    }

    @Override
    public NDArray sum(NDArray x, int axis) {
        return JniUtils.sum(pt(x), new long[] {axis}, true);
    }

    @Override
    public NDArray mean(NDArray x, int axis) {
        return JniUtils.mean(pt(x), axis, true);
    }

    @Override
    public NDArray exp(NDArray x) {
        return JniUtils.exp(pt(x));
    }

    @Override
    public NDArray sqrt(NDArray x) {
        return JniUtils.sqrt(pt(x));
    }

    @Override
    public NDArray tanh(NDArray x) {
        return JniUtils.tanh(pt(x));
    }

    @Override
    public NDArray erf(NDArray x) {
        return JniUtils.erf(pt(x));
    }

    @Override
    public NDArray sin(NDArray x) {
        return JniUtils.sin(pt(x));
    }

    @Override
    public NDArray cos(NDArray x) {
        return JniUtils.cos(pt(x));
    }

    @Override
    public NDArray sigmoid(NDArray x) {
        return JniUtils.sigmoid(pt(x));
    }

    @Override
    public NDArray rows(NDArray table, NDArray indices) {
        return JniUtils.embedding(pt(indices), pt(table), false);
    }

    @Override
    public NDArray takeTokens(NDArray x, NDArray indices) {
        int[] d = dims(x);
        int[] k = dims(indices);
        // one lookup in a table of all samples' tokens: its gradient is a row sum, several times faster than that of a
        // gather
        long[] first = new long[d[0]];
        for (int i = 0; i < first.length; i++) {
            first[i] = (long) i * d[1];
        }
        NDArray row = add(indices, indices(first, d[0], 1));
        return reshape(rows(reshape(x, d[0] * d[1], d[2]), row), d[0], k[1], d[2]);
    }

    @Override
    public NDArray section(Supplier<NDArray> body) {
        NDArray result;
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            result = body.get();
            NDScope.unregister(result);
        }
        NDScope.register(result);
        return result;
    }

    @Override
    public NDArray softmax(NDArray x) {
        return JniUtils.softmax(pt(x), -1, DataType.FLOAT32);
    }

    @Override
    public NDArray conv2d(NDArray x, NDArray weight, NDArray bias, Conv2d g) {
        // oneDNN's convolutions, which DJL's own operator uses, have crashed the process in backward passes on several
        // threads.
        int kernel = dims(weight)[2];
        if (kernel == dims(weight)[3] && kernel % 2 == 1 && g.equals(Conv2d.same(kernel))) {
            return natives.call(precision == Precision.BF16 ? "convSame16" : "convSame", x, weight, bias);
        }
        if (g.stride() > 2) {
            throw new IllegalArgumentException("convolutions have stride 1 or 2 here, got " + g);
        }
        PtNDArray padded = JniUtils.pad(pt(x), new long[] {g.left(), g.right(), g.top(), g.bottom()}, 0);
        String operator = g.stride() == 1 ? "conv1" : "conv2";
        return natives.call(precision == Precision.BF16 ? operator + "_16" : operator, padded, weight, bias);
    }

    @Override
    public NDArray stopGradient(NDArray x) {
        return x.stopGradient();
    }

    @Override
    public NDArray scale(NDArray x, float factor) {
        return JniUtils.mul(pt(x), scalar(factor));
    }

    @Override
    public NDArray shift(NDArray x, float summand) {
        return JniUtils.add(pt(x), scalar(summand));
    }

    @Override
    public NDArray linear(Params<NDArray> p, NDArray x, int in, int out) {
        NDArray weight = p.get("weight", out, in);
        NDArray bias = p.get("bias", out);
        if (precision == Precision.FP32 || x.getShape().dimension() < 3) {
            return JniUtils.linear(pt(x), pt(weight), pt(bias));
        }
        NDArray y = natives.call("linear16", x, weight, bias);
        // what a wider linear makes goes into a GELU or an attention, which take it as it is
        return out > in ? y : natives.call("fp32", y);
    }

    @Override
    public NDArray silu(NDArray x) {
        return natives.call("silu", x);
    }

    @Override
    public NDArray gelu(NDArray x) {
        return JniUtils.gelu(pt(x));
    }

    @Override
    public NDArray geluTanh(NDArray x) {
        return natives.call("geluTanh", x);
    }

    @Override
    public NDArray layerNorm(NDArray x, float eps) {
        int width = dims(x)[dims(x).length - 1];
        PtNDArray zero = zeros.computeIfAbsent(width, n -> full(n, 0));
        return JniUtils.layerNorm(pt(x), shape(width), ones(width), zero, eps);
    }

    @Override
    public NDArray groupNorm(Params<NDArray> p, NDArray x, int groups, float eps) {
        int c = dims(x)[1];
        // a tensor's length is the one way in which an integer reaches the operator
        return natives.call("groupNorm", x, ones(groups), p.get("weight", c), p.get("bias", c), scalar(eps));
    }

    @Override
    public NDArray adaLayerNorm(NDArray x, NDArray shift, NDArray onePlusScale, float eps) {
        return natives.call("modulate", layerNorm(x, eps), onePlusScale, shift);
    }

    @Override
    public NDArray attention(String path, NDArray q, NDArray k, NDArray v, int heads, @Nullable NDArray bias) {
        if (precision == Precision.FP32) {
            return Ops.super.attention(path, q, k, v, heads, bias);
        }
        int n = dims(q)[1];
        int m = dims(k)[1];
        int width = dims(q)[2];
        int d = width / heads;
        NDArray qh = transpose(reshape(scale(q, (float) (1 / Math.sqrt(d))), Shape.BATCH, n, heads, d), 0, 2, 1, 3);
        NDArray kh = transpose(reshape(k, Shape.BATCH, m, heads, d), 0, 2, 3, 1);
        NDArray vh = transpose(reshape(v, Shape.BATCH, m, heads, d), 0, 2, 1, 3);
        NDArray logits = natives.call("logits16", qh, kh);
        NDArray mixed = natives.call("mix16", softmax(bias == null ? logits : add(logits, bias)), vh);
        return reshape(transpose(mixed, 0, 2, 1, 3), Shape.BATCH, n, width);
    }

    @Override
    public NDArray upsampleNearest2x(NDArray x) {
        int[] d = dims(x);
        return JniUtils.interpolate(pt(x), new long[] {2L * d[2], 2L * d[3]}, NEAREST, false);
    }

    private static final int NEAREST = 0;

    private PtNDArray scalar(float value) {
        return scalars.computeIfAbsent(value, v -> full(1, v));
    }

    private PtNDArray ones(int width) {
        return ones.computeIfAbsent(width, n -> full(n, 1));
    }

    private PtNDArray full(int width, float value) {
        return keep(JniUtils.full(
                kept,
                shape(width),
                value,
                DataType.FLOAT32,
                kept.getDevice(),
                ai.djl.ndarray.types.SparseFormat.DENSE));
    }

    private static PtNDArray keep(PtNDArray x) {
        NDScope.unregister(x);
        return x;
    }

    /** Releases what is kept between steps. */
    @Override
    public void close() {
        natives.close();
        kept.close();
    }

    static int[] dims(NDArray x) {
        long[] d = x.getShape().getShape();
        int[] out = new int[d.length];
        for (int i = 0; i < d.length; i++) {
            out[i] = Math.toIntExact(d[i]);
        }
        return out;
    }

    static ai.djl.ndarray.types.Shape shape(int... dims) {
        long[] d = new long[dims.length];
        for (int i = 0; i < d.length; i++) {
            d[i] = dims[i];
        }
        return new ai.djl.ndarray.types.Shape(d);
    }

    static PtNDArray pt(NDArray x) {
        return (PtNDArray) x;
    }
}

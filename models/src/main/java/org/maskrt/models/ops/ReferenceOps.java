package org.maskrt.models.ops;

import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;

/**
 * The meaning of every operation: naive loops over fp32 arrays, sums in fp64. Slow on purpose; other interpreters are judged against it.
 */
public final class ReferenceOps implements Ops<Tensor> {
    @Override
    public Tensor constant(float[] values, int... dims) {
        return Tensor.of(values, dims);
    }

    @Override
    public Tensor indices(long[] values, int... dims) {
        return Tensor.ofIndices(values, dims);
    }

    @Override
    public Shape shape(Tensor x) {
        return x.shape();
    }

    @Override
    public Tensor reshape(Tensor x, int... dims) {
        return x.reshape(dims);
    }

    @Override
    public Tensor transpose(Tensor x, int... perm) {
        Shape to = x.shape().permute(perm);
        int[] from = strides(x.shape());
        int[] step = new int[perm.length];
        for (int i = 0; i < perm.length; i++) {
            step[i] = from[x.shape().axis(perm[i])];
        }
        return gather(x, to, step);
    }

    /** The tensor of shape {@code to} whose element at index i is the element of {@code x} at sum(i * step). */
    private static Tensor gather(Tensor x, Shape to, int[] step) {
        int[] dims = to.dims();
        int n = to.size();
        int[] index = new int[dims.length];
        float[] values = x.isIndices() ? null : new float[n];
        long[] indices = x.isIndices() ? new long[n] : null;
        int at = 0;
        for (int i = 0; i < n; i++) {
            if (values != null) {
                values[i] = x.values()[at];
            } else if (indices != null) {
                indices[i] = x.indices()[at];
            }
            for (int a = dims.length - 1; a >= 0; a--) {
                at += step[a];
                if (++index[a] < dims[a]) {
                    break;
                }
                index[a] = 0;
                at -= step[a] * dims[a];
            }
        }
        return values != null ? Tensor.of(values, to) : Tensor.ofIndices(indices == null ? new long[0] : indices, dims);
    }

    private static int[] strides(Shape shape) {
        int[] strides = new int[shape.rank()];
        int step = 1;
        for (int i = shape.rank() - 1; i >= 0; i--) {
            strides[i] = step;
            step *= shape.dim(i);
        }
        return strides;
    }

    @Override
    public Tensor concat(int axis, List<Tensor> parts) {
        Shape first = parts.get(0).shape();
        int a = first.axis(axis);
        int length = 0;
        for (Tensor part : parts) {
            if (!part.shape().with(a, 1).equals(first.with(a, 1))) {
                throw new IllegalArgumentException(
                        "concat on axis " + a + " needs equal other axes, got " + first + " and " + part.shape());
            }
            length += part.dim(a);
        }
        Tensor out = Tensor.zeros(first.with(a, length).dims());
        int inner = inner(first, a);
        int outer = outer(first, a);
        int offset = 0;
        for (Tensor part : parts) {
            int run = part.dim(a) * inner;
            for (int o = 0; o < outer; o++) {
                System.arraycopy(part.values(), o * run, out.values(), o * length * inner + offset, run);
            }
            offset += run;
        }
        return out;
    }

    @Override
    public Tensor slice(Tensor x, int axis, int from, int to) {
        int a = x.shape().axis(axis);
        if (from < 0 || to > x.dim(a) || from >= to) {
            throw new IllegalArgumentException(
                    "slice [" + from + ", " + to + ") is outside axis " + a + " of the shape " + x.shape());
        }
        Shape shape = x.shape().with(a, to - from);
        Tensor out =
                x.isIndices() ? Tensor.ofIndices(new long[shape.size()], shape.dims()) : Tensor.zeros(shape.dims());
        int inner = inner(x.shape(), a);
        int run = (to - from) * inner;
        for (int o = 0; o < outer(x.shape(), a); o++) {
            System.arraycopy(elements(x), (o * x.dim(a) + from) * inner, elements(out), o * run, run);
        }
        return out;
    }

    private static Object elements(Tensor x) {
        return x.isIndices() ? x.indices() : x.values();
    }

    private static int inner(Shape s, int axis) {
        int n = 1;
        for (int i = axis + 1; i < s.rank(); i++) {
            n *= s.dim(i);
        }
        return n;
    }

    private static int outer(Shape s, int axis) {
        int n = 1;
        for (int i = 0; i < axis; i++) {
            n *= s.dim(i);
        }
        return n;
    }

    @Override
    public Tensor add(Tensor a, Tensor b) {
        if (!a.isIndices() || !b.isIndices()) {
            return elementwise(a, b, Double::sum);
        }
        Shape to = Shape.broadcast(a.shape(), b.shape());
        long[] x = broadcast(a, to).indices();
        long[] y = broadcast(b, to).indices();
        long[] out = new long[x.length];
        Arrays.setAll(out, i -> x[i] + y[i]);
        return Tensor.ofIndices(out, to.dims());
    }

    @Override
    public Tensor sub(Tensor a, Tensor b) {
        return elementwise(a, b, (x, y) -> x - y);
    }

    @Override
    public Tensor mul(Tensor a, Tensor b) {
        return elementwise(a, b, (x, y) -> x * y);
    }

    @Override
    public Tensor div(Tensor a, Tensor b) {
        return elementwise(a, b, (x, y) -> x / y);
    }

    private static Tensor elementwise(Tensor a, Tensor b, DoubleBinaryOperator f) {
        Shape to = Shape.broadcast(a.shape(), b.shape());
        float[] x = broadcast(a, to).values();
        float[] y = broadcast(b, to).values();
        float[] out = new float[x.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) f.applyAsDouble(x[i], y[i]);
        }
        return Tensor.of(out, to);
    }

    private static Tensor broadcast(Tensor x, Shape to) {
        return x.shape().equals(to) ? x : gather(x, to, broadcastStrides(x.shape(), to));
    }

    private static int[] broadcastStrides(Shape from, Shape to) {
        int[] strides = strides(from);
        int[] step = new int[to.rank()];
        int lead = to.rank() - from.rank();
        for (int i = 0; i < from.rank(); i++) {
            step[lead + i] = from.dim(i) == 1 ? 0 : strides[i];
        }
        return step;
    }

    @Override
    public Tensor matmul(Tensor a, Tensor b) {
        Shape to = Shape.matmul(a.shape(), b.shape());
        int m = a.dim(-2);
        int k = a.dim(-1);
        int n = b.dim(-1);
        int r = to.rank();
        float[] x = broadcast(a, to.with(r - 1, k)).values();
        float[] y = broadcast(b, to.with(r - 2, k)).values();
        float[] out = new float[to.size()];
        double[] row = new double[n];
        for (int i = 0; i < out.length / n; i++) {
            int base = i / m * k * n;
            Arrays.fill(row, 0);
            for (int j = 0; j < k; j++) {
                double v = x[i * k + j];
                for (int c = 0; c < n; c++) {
                    row[c] += v * y[base + j * n + c];
                }
            }
            for (int c = 0; c < n; c++) {
                out[i * n + c] = (float) row[c];
            }
        }
        return Tensor.of(out, to);
    }

    @Override
    public Tensor sum(Tensor x, int axis) {
        int a = x.shape().axis(axis);
        Tensor out = Tensor.zeros(x.shape().with(a, 1).dims());
        int inner = inner(x.shape(), a);
        int length = x.dim(a);
        for (int i = 0; i < out.size(); i++) {
            double sum = 0;
            for (int j = 0; j < length; j++) {
                sum += x.values()[(i / inner * length + j) * inner + i % inner];
            }
            out.values()[i] = (float) sum;
        }
        return out;
    }

    @Override
    public Tensor exp(Tensor x) {
        return map(x, Math::exp);
    }

    @Override
    public Tensor sqrt(Tensor x) {
        return map(x, Math::sqrt);
    }

    @Override
    public Tensor tanh(Tensor x) {
        return map(x, Math::tanh);
    }

    @Override
    public Tensor erf(Tensor x) {
        return map(x, ReferenceOps::erf);
    }

    @Override
    public Tensor sin(Tensor x) {
        return map(x, Math::sin);
    }

    @Override
    public Tensor cos(Tensor x) {
        return map(x, Math::cos);
    }

    private static Tensor map(Tensor x, DoubleUnaryOperator f) {
        float[] out = new float[x.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) f.applyAsDouble(x.values()[i]);
        }
        return Tensor.of(out, x.shape());
    }

    /** The error function by its Maclaurin series, which converges fast where erf is not 1 in fp32 (Abramowitz and Stegun 7.1.6). */
    private static double erf(double x) {
        if (Math.abs(x) > 6) {
            return Math.signum(x);
        }
        double term = x;
        double sum = x;
        for (int n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    }

    @Override
    public Tensor rows(Tensor table, Tensor indices) {
        int width = table.dim(1);
        long[] ids = indices.indices();
        float[] out = new float[ids.length * width];
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= table.dim(0)) {
                throw new IllegalArgumentException("row " + ids[i] + " is outside the table " + table.shape());
            }
            System.arraycopy(table.values(), (int) ids[i] * width, out, i * width, width);
        }
        int[] dims = Arrays.copyOf(indices.shape().dims(), indices.shape().rank() + 1);
        dims[dims.length - 1] = width;
        return Tensor.of(out, dims);
    }

    @Override
    public Tensor takeTokens(Tensor x, Tensor indices) {
        int batch = x.dim(0);
        int tokens = x.dim(1);
        int width = x.dim(2);
        int kept = indices.dim(1);
        Tensor out = Tensor.zeros(batch, kept, width);
        for (int b = 0; b < batch; b++) {
            for (int k = 0; k < kept; k++) {
                int from = (int) indices.indices()[b * kept + k];
                System.arraycopy(x.values(), (b * tokens + from) * width, out.values(), (b * kept + k) * width, width);
            }
        }
        return out;
    }

    @Override
    public Tensor softmax(Tensor x) {
        int n = x.dim(-1);
        float[] out = new float[x.size()];
        for (int row = 0; row < out.length; row += n) {
            double max = Double.NEGATIVE_INFINITY;
            for (int i = 0; i < n; i++) {
                max = Math.max(max, x.values()[row + i]);
            }
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += Math.exp(x.values()[row + i] - max);
            }
            for (int i = 0; i < n; i++) {
                out[row + i] = (float) (Math.exp(x.values()[row + i] - max) / sum);
            }
        }
        return Tensor.of(out, x.shape());
    }

    @Override
    public Tensor conv2d(Tensor x, Tensor weight, Tensor bias, Conv2d g) {
        Tensor out =
                Tensor.of(new float[g.shape(x.shape(), weight.shape()).size()], g.shape(x.shape(), weight.shape()));
        int h = x.dim(2);
        int w = x.dim(3);
        int at = 0;
        for (int b = 0; b < out.dim(0); b++) {
            for (int o = 0; o < out.dim(1); o++) {
                for (int i = 0; i < out.dim(2); i++) {
                    for (int j = 0; j < out.dim(3); j++) {
                        double sum = bias.values()[o];
                        for (int c = 0; c < x.dim(1); c++) {
                            for (int u = 0; u < weight.dim(2); u++) {
                                for (int v = 0; v < weight.dim(3); v++) {
                                    int y = i * g.stride() + u - g.top();
                                    int z = j * g.stride() + v - g.left();
                                    if (y >= 0 && y < h && z >= 0 && z < w) {
                                        sum += (double) x.values()[((b * x.dim(1) + c) * h + y) * w + z]
                                                * weight.values()[
                                                        ((o * x.dim(1) + c) * weight.dim(2) + u) * weight.dim(3) + v];
                                    }
                                }
                            }
                        }
                        out.values()[at++] = (float) sum;
                    }
                }
            }
        }
        return out;
    }

    @Override
    public Tensor stopGradient(Tensor x) {
        return x;
    }
}

package org.maskrt.exporter;

import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.maskrt.calibration.ActivationScales;
import org.maskrt.calibration.Format;
import org.maskrt.calibration.LinearScales;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.calibration.TimestepScales;
import org.maskrt.models.ops.ForwardingOps;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/**
 * The emitter with QuantizeLinear and DequantizeLinear around what a table names: the input of a linear, its weights (stored in 8 bits, [in,out], one
 * scale for each output channel), and operands of attentions. What they give has the type of the products around them.
 *
 * <p>Smoothing is in the modulation that makes the input of {@code qkv} and {@code fc1}, in the scales of the weights that make that of {@code proj}, and
 * elsewhere a Mul. The correction is in the bias. Where scales depend on the timestep, what is quantised is divided by their ratio to the first one,
 * together with the smoothing, and the product is multiplied by it; so the scales of the nodes are constants.
 */
final class QdqOps extends ForwardingOps<OnnxValue> {
    private final OnnxOps inner;
    private final ScaleTable table;
    private final @Nullable TimestepScales<OnnxValue> timesteps;
    private final Map<OnnxValue, Modulated> modulated = new HashMap<>();
    private final Set<String> smoothed = new HashSet<>();
    private @Nullable String attention;

    /** What {@link #adaLayerNorm} was called with. */
    private record Modulated(OnnxValue x, OnnxValue shift, OnnxValue onePlusScale, float eps) {}

    /** @param timestep of each row [B]; null where no scale of the linears that will be written depends on it */
    QdqOps(OnnxOps inner, ScaleTable table, @Nullable OnnxValue timestep) {
        super(inner);
        this.inner = inner;
        this.table = table;
        this.timesteps = timestep != null && table.byTimestep()
                ? inner.within("timestep_scales", () -> new TimestepScales<>(inner, table, timestep))
                : null;
    }

    /** Zero points. ONNX Runtime 1.28 aborts where those of weights are left out, and refuses those that two layers share. */
    private static OnnxValue zeros(OnnxType type, int... dims) {
        return new OnnxValue(Shape.of(dims), type, LazyTensor.literal(Tensor.zeros(dims)));
    }

    @Override
    public OnnxValue linear(Params<OnnxValue> p, OnnxValue x, int in, int out) {
        LinearScales scales = table.linears().get(p.path());
        return scales == null || x.isConstant() ? inner.linear(p, x, in, out) : quantised(p, x, scales, ones(out));
    }

    /**
     * As the inner one. The factors of the queries, and for the values those that smooth the input of {@code proj}, are in the scales of their
     * weights, which so stay the same numbers.
     */
    @Override
    public OnnxValue selfAttention(Params<OnnxValue> p, OnnxValue x, int heads, @Nullable OnnxValue bias) {
        int width = x.shape().dim(-1);
        float[] queries = inner.queryFactors(width, heads);
        LinearScales scales = table.linears().get(p.path() + ".qkv");
        OnnxValue qkv;
        if (scales != null) {
            float[] factors = queries.length == 0 ? ones(3 * width) : queries;
            divideValues(p.path(), factors);
            qkv = quantised(p.at("qkv"), x, scales, factors);
        } else if (queries.length == 0) {
            qkv = inner.linear(p.at("qkv"), x, width, 3 * width);
        } else {
            qkv = inner.linear(inner.scaledQueries(p, queries), x, width, 3 * width);
        }
        List<OnnxValue> parts = split(qkv, 2, width, width, width);
        return queries.length == 0
                ? attention(p.path(), parts.get(0), parts.get(1), parts.get(2), heads, bias)
                : attend(p.path(), parts.get(0), parts.get(1), parts.get(2), heads, bias);
    }

    /** Attention is linear in its values, so what divides them divides its result. */
    private void divideValues(String attentionPath, float[] factors) {
        String proj = attentionPath + ".proj";
        LinearScales scales = table.linears().get(proj);
        if (scales == null || table.tensors().containsKey(attentionPath + ".v")) {
            return;
        }
        float[] s = scales.smoothing().factors();
        for (int i = 0; i < s.length; i++) {
            factors[factors.length - s.length + i] /= s[i];
        }
        smoothed.add(proj);
    }

    @Override
    public OnnxValue adaLayerNorm(OnnxValue x, OnnxValue shift, OnnxValue onePlusScale, float eps) {
        OnnxValue y = inner.adaLayerNorm(x, shift, onePlusScale, eps);
        modulated.put(y, new Modulated(x, shift, onePlusScale, eps));
        return y;
    }

    /** x / (s r), by what made x where that is possible; r is the ratio of {@link TimestepScales}. */
    private OnnxValue smooth(String path, OnnxValue x, LinearScales scales) {
        float[] s = smoothed.contains(path) ? new float[0] : scales.smoothing().factors();
        OnnxValue factors = timesteps == null ? null : timesteps.inverse(path);
        if (factors == null && scales.input().scales().length > 1) {
            throw new IllegalStateException(path + " has scales by timestep, and no timestep was given");
        }
        if (s.length > 0) {
            float[] inverse = new float[s.length];
            for (int i = 0; i < s.length; i++) {
                inverse[i] = 1 / s[i];
            }
            OnnxValue each = named(inverse, path + ".input_smoothing", OnnxType.FLOAT, s.length);
            factors = factors == null ? each : mul(factors, each);
        }
        if (factors == null) {
            return x;
        }
        Modulated m = modulated.get(x);
        return m == null
                ? mul(x, factors)
                : inner.adaLayerNorm(m.x, mul(m.shift, factors), mul(m.onePlusScale, factors), m.eps);
    }

    /** The linear times {@code factors}, one for each output channel. */
    private OnnxValue quantised(Params<OnnxValue> p, OnnxValue x, LinearScales scales, float[] factors) {
        String path = p.path();
        int in = x.shape().dim(-1);
        int out = factors.length;
        return inner.within(path, () -> {
            OnnxType type = inner.typeOf(path);
            OnnxValue typed = inner.as(type, smooth(path, x, scales));
            OnnxValue rounded = rounded(path + ".input", typed, scales.input());
            OnnxValue weight = weight(p.get("weight", out, in), scales, factors, type);
            OnnxValue bias = p.get("bias", out);
            float[] c = scales.biasCorrection();
            if (c.length > 0) {
                bias = add(bias, constant(c, out));
            }
            OnnxValue y = matmul(rounded, weight);
            OnnxValue ratio = timesteps == null ? null : timesteps.ratio(path);
            return add(ratio == null ? y : mul(y, ratio), mul(bias, constant(factors, out)));
        });
    }

    private static float[] ones(int length) {
        float[] ones = new float[length];
        Arrays.fill(ones, 1);
        return ones;
    }

    /** DequantizeLinear of the 8-bit weights, [in,out]. */
    private OnnxValue weight(OnnxValue weight, LinearScales scales, float[] factors, OnnxType type) {
        Format format = scales.input().format();
        int out = weight.shape().dim(0);
        int in = weight.shape().dim(1);
        float[] rowScales = new float[out];
        float[] given = new float[out];
        for (int o = 0; o < out; o++) {
            given[o] = type.nearest(scales.weightScales()[o] * factors[o]);
            rowScales[o] = given[o] / factors[o];
        }
        float[] smoothing = scales.smoothing().factors();
        OnnxValue levels = new OnnxValue(
                Shape.of(in, out),
                type(format),
                LazyTensor.of(
                        List.of(OnnxOps.constantOf(weight)), w -> levels(w.get(0), smoothing, format, rowScales)));
        String path = OnnxOps.constantOf(weight).path() + "_scale";
        return inner.node(
                OnnxOp.DEQUANTIZE_LINEAR,
                List.of(levels, named(given, path, type, out), zeros(type(format), out)),
                Map.of("axis", 1L),
                OnnxValue.of(Shape.of(in, out), type));
    }

    /** The numbers of the format that stand for W s, [out,in], as [in,out]. */
    private static Tensor levels(Tensor weight, float[] smoothing, Format format, float[] rowScales) {
        int out = weight.dim(0);
        int in = weight.dim(1);
        float[] w = weight.values();
        float[] levels = new float[w.length];
        for (int o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                float smoothed = smoothing.length == 0 ? w[o * in + i] : w[o * in + i] * smoothing[i];
                levels[i * out + o] = format.level(smoothed, rowScales[o]);
            }
        }
        return Tensor.of(levels, in, out);
    }

    private static OnnxType type(Format format) {
        return format == Format.INT8 ? OnnxType.INT8 : OnnxType.FLOAT8E4M3FN;
    }

    private OnnxValue rounded(String name, OnnxValue x, ActivationScales scales) {
        OnnxType type = type(scales.format());
        float rounded = x.type().nearest(scales.scales()[0]);
        OnnxValue scale = named(new float[] {rounded}, name + "_scale", x.type());
        OnnxValue zero = zeros(type);
        OnnxValue levels =
                inner.node(OnnxOp.QUANTIZE_LINEAR, List.of(x, scale, zero), Map.of(), OnnxValue.of(x.shape(), type));
        return inner.node(
                OnnxOp.DEQUANTIZE_LINEAR, List.of(levels, scale, zero), Map.of(), OnnxValue.of(x.shape(), x.type()));
    }

    private static OnnxValue named(float[] values, String name, OnnxType type, int... dims) {
        return new OnnxValue(
                Shape.of(dims),
                type,
                LazyTensor.literal(Tensor.of(values, dims)).named(name));
    }

    @Override
    public OnnxValue attention(String at, OnnxValue q, OnnxValue k, OnnxValue v, int heads, @Nullable OnnxValue bias) {
        return table.tensors().containsKey(at + ".q")
                ? attentionAsStated(at, q, k, v, heads, bias)
                : inner.attention(at, q, k, v, heads, bias);
    }

    @Override
    public OnnxValue attend(String at, OnnxValue q, OnnxValue k, OnnxValue v, int heads, @Nullable OnnxValue bias) {
        if (!table.tensors().containsKey(at + ".q") || q.isConstant()) {
            return inner.attend(at, q, k, v, heads, bias);
        }
        return inner.within(at, () -> {
            attention = at;
            try {
                return attendAsStated(
                        at,
                        operand(at + ".q", q),
                        operand(at + ".k", k),
                        operand(at + ".v", v),
                        heads,
                        bias == null ? null : inner.as(q.type(), bias));
            } finally {
                attention = null;
            }
        });
    }

    @Override
    public OnnxValue softmax(OnnxValue x) {
        OnnxValue y = inner.softmax(x);
        return attention == null ? y : operand(attention + ".softmax", y);
    }

    private OnnxValue operand(String name, OnnxValue x) {
        ActivationScales scales = table.tensors().get(name);
        return scales == null ? x : rounded(name, x, scales);
    }
}

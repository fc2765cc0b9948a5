package org.maskrt.calibration;

import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.ForwardingOps;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/**
 * Another interpreter, in which everything that a table names is rounded to its 8-bit format and back: what the quantised model means, in numbers of
 * the interpreter. Rounding is written in the vocabulary of {@link Ops} alone, so it works in any interpreter of fp32.
 *
 * <p>Ties may fall either way in {@link Format#FP8_E4M3}, and numbers below its smallest normal one may be rounded twice. Values saturate exactly up to
 * 2^22 scales.
 *
 * @param <T> the interpreter's tensor
 */
public final class QuantisedOps<T> extends ForwardingOps<T> {
    /** Added and taken off again, it leaves whole numbers: at 1.5 2^23 the last place is 1, with room to both sides. */
    private static final float WHOLE = 0x1.8p23f;

    /** Veltkamp's factor 2^20 + 1, which leaves 4 of 24 significant bits. */
    private static final float FOUR_BITS = 0x1.00001p20f;

    /** As {@link #WHOLE}, where the last place is 2^-9, the smallest number of E4M3. */
    private static final float SUBNORMAL = 0x1.8p14f;

    private final ScaleTable table;
    private final @Nullable TimestepScales<T> timesteps;
    private @Nullable String attention;

    /** @param timestep of each row [B], as the model is given it; null where no scale of the linears that will run depends on it */
    public QuantisedOps(Ops<T> inner, ScaleTable table, @Nullable T timestep) {
        super(inner);
        this.table = table;
        this.timesteps = timestep != null && table.byTimestep() ? new TimestepScales<>(inner, table, timestep) : null;
    }

    @Override
    public T linear(Params<T> p, T x, int in, int out) {
        LinearScales scales = table.linears().get(p.path());
        if (scales == null) {
            return super.linear(p, x, in, out);
        }
        float[] s = scales.smoothing().factors();
        T factors = s.length == 0 ? constant(new float[] {1}, 1) : constant(s, in);
        Format format = scales.input().format();
        T rounded = mul(rounded(format, div(x, factors), inputScale(p.path(), scales.input())), factors);
        Params<T> quantised = p.with(
                "weight", w -> div(rounded(format, mul(w, factors), constant(scales.weightScales(), out, 1)), factors));
        float[] c = scales.biasCorrection();
        return super.linear(
                c.length == 0 ? quantised : quantised.with("bias", b -> add(b, constant(c, out))), rounded, in, out);
    }

    private T inputScale(String path, ActivationScales scales) {
        T first = constant(new float[] {scales.scales()[0]}, 1);
        if (scales.scales().length == 1) {
            return first;
        }
        T ratio = timesteps == null ? null : timesteps.ratio(path);
        if (ratio == null) {
            throw new IllegalStateException(path + " has scales by timestep, and no timestep was given");
        }
        return mul(first, ratio);
    }

    @Override
    public T attention(String path, T q, T k, T v, int heads, @Nullable T bias) {
        return table.tensors().containsKey(path + ".q")
                ? attentionAsStated(path, q, k, v, heads, bias)
                : super.attention(path, q, k, v, heads, bias);
    }

    @Override
    public T attend(String path, T q, T k, T v, int heads, @Nullable T bias) {
        if (!table.tensors().containsKey(path + ".q")) {
            return super.attend(path, q, k, v, heads, bias);
        }
        attention = path;
        try {
            return attendAsStated(
                    path, operand(path + ".q", q), operand(path + ".k", k), operand(path + ".v", v), heads, bias);
        } finally {
            attention = null;
        }
    }

    @Override
    public T softmax(T x) {
        T y = super.softmax(x);
        return attention == null ? y : operand(attention + ".softmax", y);
    }

    private T operand(String path, T x) {
        ActivationScales scales = table.tensors().get(path);
        return scales == null ? x : rounded(scales.format(), x, constant(scales.scales(), 1));
    }

    private T rounded(Format format, T x, T scale) {
        T v = div(x, scale);
        T levels = switch (format) {
            case INT8 -> clamped(shift(shift(v, WHOLE), -WHOLE), -128, 127);
            case FP8_E4M3 -> clamped(fourBits(v), -Fp8E4M3.LARGEST, Fp8E4M3.LARGEST);
        };
        return mul(levels, scale);
    }

    private T fourBits(T v) {
        T c = scale(v, FOUR_BITS);
        T normal = sub(c, sub(c, v));
        return shift(shift(normal, SUBNORMAL), -SUBNORMAL);
    }

    /** min(max(v, from), to), with max(a, b) = (a + b + |a - b|) / 2. */
    private T clamped(T v, float from, float to) {
        T low = scale(add(shift(v, from), magnitude(shift(v, -from))), 0.5f);
        return scale(sub(shift(low, to), magnitude(shift(low, -to))), 0.5f);
    }

    private T magnitude(T x) {
        return sqrt(mul(x, x));
    }
}

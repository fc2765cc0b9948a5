package org.maskrt.calibration;

import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.ForwardingOps;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/**
 * Another interpreter, which shows a {@link Probe} the input of every linear, and of attentions the queries (divided by sqrt(d) already, as they enter
 * the product), keys, values and the results of softmax. Of one thread.
 *
 * @param <T> the interpreter's tensor
 */
public final class RangeOps<T> extends ForwardingOps<T> {
    /** What the probe sees. */
    public enum Scope {
        LINEARS,
        /** Attentions then run as they are written, without a faster form that the interpreter may have. */
        LINEARS_AND_ATTENTIONS
    }

    private final Probe<T> probe;
    private final Scope scope;
    private @Nullable String attention;

    public RangeOps(Ops<T> inner, Probe<T> probe, Scope scope) {
        super(inner);
        this.probe = probe;
        this.scope = scope;
    }

    private void see(String path, T x) {
        probe.see(path, x, shape(x).dim(-1));
    }

    @Override
    public T linear(Params<T> p, T x, int in, int out) {
        see(p.path(), x);
        return super.linear(p, x, in, out);
    }

    @Override
    public T attention(String path, T q, T k, T v, int heads, @Nullable T bias) {
        return scope == Scope.LINEARS
                ? super.attention(path, q, k, v, heads, bias)
                : attentionAsStated(path, q, k, v, heads, bias);
    }

    @Override
    public T attend(String path, T q, T k, T v, int heads, @Nullable T bias) {
        if (scope == Scope.LINEARS) {
            return super.attend(path, q, k, v, heads, bias);
        }
        see(path + ".q", q);
        see(path + ".k", k);
        see(path + ".v", v);
        attention = path;
        try {
            return attendAsStated(path, q, k, v, heads, bias);
        } finally {
            attention = null;
        }
    }

    @Override
    public T softmax(T x) {
        T y = super.softmax(x);
        if (attention != null) {
            see(attention + ".softmax", y);
        }
        return y;
    }
}

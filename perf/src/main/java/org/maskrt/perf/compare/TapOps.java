package org.maskrt.perf.compare;

import java.util.IdentityHashMap;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Conv2d;
import org.maskrt.models.ops.ForwardingOps;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/**
 * Another interpreter, which shows what each layer computes, by its path and in order: linears, attentions, and whatever else has a bias. Of one thread.
 *
 * @param <T> the interpreter's tensor
 */
final class TapOps<T> extends ForwardingOps<T> {
    private static final String BIAS = ".bias";

    private final BiConsumer<String, T> probe;
    private final IdentityHashMap<T, String> biases = new IdentityHashMap<>();

    TapOps(Ops<T> inner, BiConsumer<String, T> probe) {
        super(inner);
        this.probe = probe;
    }

    /** The same weights, of which this remembers the biases. */
    Params<T> params(Params<T> weights) {
        return Params.of((path, shape) -> {
            T weight = weights.get(path, shape.dims());
            if (path.endsWith(BIAS)) {
                biases.put(weight, path.substring(0, path.length() - BIAS.length()));
            }
            return weight;
        });
    }

    private T seen(@Nullable String path, T x) {
        if (path != null) {
            probe.accept(path, x);
        }
        return x;
    }

    @Override
    public T linear(Params<T> p, T x, int in, int out) {
        return seen(p.path(), super.linear(p, x, in, out));
    }

    @Override
    public T attention(String path, T q, T k, T v, int heads, @Nullable T bias) {
        return seen(path, super.attention(path, q, k, v, heads, bias));
    }

    @Override
    public T conv2d(T x, T weight, T bias, Conv2d geometry) {
        return seen(biases.get(bias), super.conv2d(x, weight, bias, geometry));
    }

    @Override
    public T add(T a, T b) {
        return seen(biases.get(b), super.add(a, b));
    }
}

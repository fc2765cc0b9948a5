package org.maskrt.models.layers;

import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/** LayerNorm with a trained scale and shift. */
public final class AffineNorm {
    private AffineNorm() {}

    /** Over the last axis, with the weights {@code weight} [D] and {@code bias} [D] of {@code p}: [..,D] to [..,D]. */
    public static <T> T of(Ops<T> ops, Params<T> p, T x, float eps) {
        int d = ops.shape(x).dim(-1);
        return ops.add(ops.mul(ops.layerNorm(x, eps), p.get("weight", d)), p.get("bias", d));
    }
}

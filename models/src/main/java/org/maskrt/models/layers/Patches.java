package org.maskrt.models.layers;

import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/** Pictures to tokens and back. The patch embedding is a convolution whose stride is its kernel, which is a matrix product. */
public final class Patches {
    private Patches() {}

    /** [B,C,H,W] to [B,N,D] with the weights {@code weight} [D,C,P,P] and {@code bias} [D] of {@code p}. */
    public static <T> T embed(Ops<T> ops, Params<T> p, T x, int patch, int width) {
        Shape s = ops.shape(x);
        int c = s.dim(1);
        int h = s.dim(2) / patch;
        int w = s.dim(3) / patch;
        T cut = ops.transpose(ops.reshape(x, Shape.BATCH, c, h, patch, w, patch), 0, 2, 4, 1, 3, 5);
        T tokens = ops.reshape(cut, Shape.BATCH, h * w, c * patch * patch);
        T weight = ops.transpose(ops.reshape(p.get("weight", width, c, patch, patch), width, c * patch * patch), 1, 0);
        return ops.add(ops.matmul(tokens, weight), p.get("bias", width));
    }

    /** [B,N,P*P*C] to [B,C,H,W] for a square picture. */
    public static <T> T join(Ops<T> ops, T x, int patch, int channels) {
        int side = (int) Math.round(Math.sqrt(ops.shape(x).dim(1)));
        T cut = ops.reshape(x, Shape.BATCH, side, side, patch, patch, channels);
        return ops.reshape(ops.transpose(cut, 0, 5, 1, 3, 2, 4), Shape.BATCH, channels, side * patch, side * patch);
    }
}

package org.maskrt.models.ops;

/** The geometry of a convolution: stride and zero padding, in pixels. */
public record Conv2d(int stride, int top, int left, int bottom, int right) {
    /** Stride 1, output as large as the input (odd kernels). */
    public static Conv2d same(int kernel) {
        return new Conv2d(1, kernel / 2, kernel / 2, kernel / 2, kernel / 2);
    }

    /** [B,C,H,W] and [O,C,kh,kw] to [B,O,H',W']. */
    public Shape shape(Shape x, Shape weight) {
        if (x.rank() != 4 || weight.rank() != 4 || x.dim(1) != weight.dim(1)) {
            throw new IllegalArgumentException("conv2d needs [B,C,H,W] and [O,C,kh,kw], got " + x + " and " + weight);
        }
        int h = (x.dim(2) + top + bottom - weight.dim(2)) / stride + 1;
        int w = (x.dim(3) + left + right - weight.dim(3)) / stride + 1;
        return Shape.of(x.dim(0), weight.dim(0), h, w);
    }
}

package org.maskrt.models.image;

import java.util.function.DoubleUnaryOperator;

/**
 * Resampling with a filter that widens with the reduction, in the arithmetic of Pillow up to version 12, bit for bit: weights as 22-bit
 * fixed point, rows first, rounded to 8 bits between the two passes. Pillow 13 may take the columns first where that is cheaper, which
 * can change a level by one.
 */
final class Resample {
    static final Resample BOX = new Resample(0.5, x -> x > -0.5 && x <= 0.5 ? 1 : 0);

    /** Cubic convolution with a = -1/2 (Keys, 1981). */
    static final Resample BICUBIC = new Resample(2, x -> {
        double d = Math.abs(x);
        return d < 1 ? (1.5 * d - 2.5) * d * d + 1 : d < 2 ? (((d - 5) * d + 8) * d - 4) * -0.5 : 0;
    });

    private static final int FRACTION_BITS = 22;
    private static final int HALF = 1 << (FRACTION_BITS - 1);
    private static final int CHANNELS = 3;

    private final double support;
    private final DoubleUnaryOperator filter;

    private Resample(double support, DoubleUnaryOperator filter) {
        this.support = support;
        this.filter = filter;
    }

    RgbImage resize(RgbImage image, int width, int height) {
        RgbImage rows = image;
        if (width != image.width()) {
            rows = new RgbImage(width, image.height());
            Window[] windows = windows(image.width(), width);
            for (int y = 0; y < image.height(); y++) {
                for (int x = 0; x < width; x++) {
                    windows[x].sum(
                            image.pixels(),
                            y * image.width() * CHANNELS,
                            CHANNELS,
                            rows.pixels(),
                            (y * width + x) * CHANNELS);
                }
            }
        }
        if (height == image.height()) {
            return rows;
        }
        RgbImage out = new RgbImage(width, height);
        Window[] windows = windows(image.height(), height);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                windows[y].sum(rows.pixels(), x * CHANNELS, width * CHANNELS, out.pixels(), (y * width + x) * CHANNELS);
            }
        }
        return out;
    }

    private Window[] windows(int from, int to) {
        double scale = (double) from / to;
        double spread = Math.max(scale, 1);
        double reach = support * spread;
        Window[] windows = new Window[to];
        for (int i = 0; i < to; i++) {
            double center = (i + 0.5) * scale;
            int start = Math.max(0, (int) (center - reach + 0.5));
            int end = Math.min(from, (int) (center + reach + 0.5));
            double[] weights = new double[end - start];
            double total = 0;
            for (int k = 0; k < weights.length; k++) {
                weights[k] = filter.applyAsDouble((k + start - center + 0.5) / spread);
                total += weights[k];
            }
            int[] fixed = new int[weights.length];
            for (int k = 0; k < fixed.length; k++) {
                double weight = weights[k] / total * (1 << FRACTION_BITS);
                fixed[k] = (int) (weight < 0 ? weight - 0.5 : weight + 0.5);
            }
            windows[i] = new Window(start, fixed);
        }
        return windows;
    }

    /** The inputs of one output position, and their weights. */
    private static final class Window {
        private final int start;
        private final int[] weights;

        Window(int start, int[] weights) {
            this.start = start;
            this.weights = weights;
        }

        void sum(byte[] in, int offset, int stride, byte[] out, int at) {
            for (int c = 0; c < CHANNELS; c++) {
                int sum = HALF;
                int from = offset + start * stride + c;
                for (int weight : weights) {
                    sum += Byte.toUnsignedInt(in[from]) * weight;
                    from += stride;
                }
                out[at + c] = (byte) Math.max(0, Math.min(255, sum >> FRACTION_BITS));
            }
        }
    }
}

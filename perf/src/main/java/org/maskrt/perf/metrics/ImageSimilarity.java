package org.maskrt.perf.metrics;

import org.maskrt.models.image.RgbImage;

/** Similarity of two pictures of one size by their pixels. */
public final class ImageSimilarity {
    /** The side of SSIM's window. */
    public static final int WINDOW = 11;

    private static final double DEVIATION = 1.5;
    private static final double PEAK = 255;
    private static final double C1 = 0.01 * PEAK * 0.01 * PEAK;
    private static final double C2 = 0.03 * PEAK * 0.03 * PEAK;
    private static final int CHANNELS = 3;

    private ImageSimilarity() {}

    /** Peak signal-to-noise ratio in decibels, 10 log10(255^2 / mean squared error) over all channels; infinite for equal pictures. */
    public static double psnr(RgbImage a, RgbImage b) {
        requireOneSize(a, b);
        long sum = 0;
        for (int i = 0; i < a.pixels().length; i++) {
            int difference = Byte.toUnsignedInt(a.pixels()[i]) - Byte.toUnsignedInt(b.pixels()[i]);
            sum += (long) difference * difference;
        }
        return 10 * Math.log10(PEAK * PEAK * a.pixels().length / sum);
    }

    /**
     * Structural similarity (Wang et al., 2004, equation 13) with their Gaussian window of 11 x 11 and deviation 1.5, K1 = 0.01 and K2 = 0.03:
     * the mean over the red, green and blue planes and the places where the window lies within the picture.
     *
     * @throws IllegalArgumentException if a side is shorter than the window, or the sizes differ
     */
    public static double ssim(RgbImage a, RgbImage b) {
        requireOneSize(a, b);
        if (Math.min(a.width(), a.height()) < WINDOW) {
            throw new IllegalArgumentException("SSIM needs pictures of " + WINDOW + " x " + WINDOW + " or more, got "
                    + a.width() + " x " + a.height());
        }
        double sum = 0;
        int plane = a.width() * a.height();
        double[] x = new double[plane];
        double[] y = new double[plane];
        for (int c = 0; c < CHANNELS; c++) {
            for (int i = 0; i < plane; i++) {
                x[i] = Byte.toUnsignedInt(a.pixels()[i * CHANNELS + c]);
                y[i] = Byte.toUnsignedInt(b.pixels()[i * CHANNELS + c]);
            }
            sum += ssim(x, y, a.width(), a.height());
        }
        return sum / CHANNELS;
    }

    private static double ssim(double[] x, double[] y, int width, int height) {
        double[] meanX = blur(x, width, height);
        double[] meanY = blur(y, width, height);
        double[] xx = blur(product(x, x), width, height);
        double[] yy = blur(product(y, y), width, height);
        double[] xy = blur(product(x, y), width, height);
        double sum = 0;
        for (int i = 0; i < meanX.length; i++) {
            double mx = meanX[i];
            double my = meanY[i];
            double variances = xx[i] - mx * mx + yy[i] - my * my;
            double covariance = xy[i] - mx * my;
            sum += (2 * mx * my + C1) * (2 * covariance + C2) / ((mx * mx + my * my + C1) * (variances + C2));
        }
        return sum / meanX.length;
    }

    private static double[] product(double[] a, double[] b) {
        double[] out = new double[a.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = a[i] * b[i];
        }
        return out;
    }

    /** The window's weighted means, [H-10,W-10]. */
    private static double[] blur(double[] in, int width, int height) {
        double[] weights = new double[WINDOW];
        double total = 0;
        for (int i = 0; i < WINDOW; i++) {
            double place = (i - WINDOW / 2) / DEVIATION;
            weights[i] = Math.exp(-place * place / 2);
            total += weights[i];
        }
        int outWidth = width - WINDOW + 1;
        int outHeight = height - WINDOW + 1;
        double[] rows = new double[height * outWidth];
        for (int k = 0; k < WINDOW; k++) {
            double weight = weights[k] / total;
            for (int row = 0; row < height; row++) {
                for (int column = 0; column < outWidth; column++) {
                    rows[row * outWidth + column] += weight * in[row * width + column + k];
                }
            }
        }
        double[] out = new double[outHeight * outWidth];
        for (int k = 0; k < WINDOW; k++) {
            double weight = weights[k] / total;
            for (int i = 0; i < out.length; i++) {
                out[i] += weight * rows[i + k * outWidth];
            }
        }
        return out;
    }

    private static void requireOneSize(RgbImage a, RgbImage b) {
        if (a.width() != b.width() || a.height() != b.height()) {
            throw new IllegalArgumentException("pictures of one size are compared, got " + a.width() + " x "
                    + a.height() + " and " + b.width() + " x " + b.height());
        }
    }
}

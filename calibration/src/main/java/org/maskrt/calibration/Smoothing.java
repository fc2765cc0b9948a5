package org.maskrt.calibration;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.maskrt.models.Checks;

/**
 * SmoothQuant (Xiao et al. 2023, equations 3 and 4): x W^T is (x / s)(W s)^T, and s moves the range of the few large channels of x into W, where every
 * output channel has a scale of its own.
 *
 * @param alpha how much of the range moves, from 0 to 1
 * @param error of the layer's output with these factors: mean squared error over mean square, on sampled rows
 * @param factors s, one for each input channel; empty for none (all 1)
 */
public record Smoothing(double alpha, double error, float[] factors) {
    private static final double SMALLEST = 1e-5;
    private static final int CANDIDATES = 11;

    /** So many of the sampled rows decide. */
    private static final int ROWS = 64;

    /** @throws org.maskrt.models.MaskRtException (USAGE) for factors that are not positive and finite, or another alpha */
    public Smoothing {
        Checks.require(alpha >= 0 && alpha <= 1, "smoothing", "alpha", "from 0 to 1", alpha);
        Checks.require(error >= 0 && error <= Double.MAX_VALUE, "smoothing", "error", "finite, and 0 or more", error);
        ActivationScales.positive("smoothing", "factors", factors);
    }

    /** All factors are 1; the error is not measured, and given as 0. */
    public static Smoothing none() {
        return new Smoothing(0, 0, new float[0]);
    }

    /** A weight [out, in] of smoothed inputs as one of the inputs themselves: each column over its factor. */
    float[] undo(float[] weight) {
        float[] undone = weight.clone();
        for (int i = 0; i < weight.length && factors.length > 0; i++) {
            undone[i] /= factors[i % factors.length];
        }
        return undone;
    }

    /**
     * s_j = max|x_j|^alpha / max|W_j|^(1 - alpha), between 1e-5 and 1e5; 1 where a channel or its weights are zero.
     *
     * @param activationMax the largest magnitude of each input channel
     * @param weightMax the largest magnitude of the weights of each input channel
     */
    public static float[] factors(double alpha, float[] activationMax, float[] weightMax) {
        float[] s = new float[activationMax.length];
        for (int j = 0; j < s.length; j++) {
            double factor = Math.pow(activationMax[j], alpha) / Math.pow(weightMax[j], 1 - alpha);
            s[j] = activationMax[j] == 0 || weightMax[j] == 0
                    ? 1
                    : (float) Math.max(SMALLEST, Math.min(1 / SMALLEST, factor));
        }
        return s;
    }

    /** None, or the factors of that alpha in 0, 0.1, .. 1 with which the output of the layer has a smaller error than without, and the smallest. */
    public static Smoothing search(LinearLayer layer, Recipe recipe) {
        float[][] rows = Arrays.stream(layer.inputs().sample()).limit(ROWS).toArray(float[][]::new);
        float[][] x = transpose(rows, layer.in());
        float[] weightMax = layer.columnMax();
        float[] activationMax = layer.inputs().channelMax();
        Smoothing best = new Smoothing(0, error(layer, recipe, x, new float[0]), new float[0]);
        List<Smoothing> candidates = IntStream.range(0, CANDIDATES)
                .parallel()
                .mapToObj(i -> {
                    double alpha = (double) i / (CANDIDATES - 1);
                    float[] s = factors(alpha, activationMax, weightMax);
                    return new Smoothing(alpha, error(layer, recipe, x, s), s);
                })
                .toList();
        for (Smoothing candidate : candidates) {
            if (candidate.error < best.error) {
                best = candidate;
            }
        }
        return best;
    }

    private static double error(LinearLayer layer, Recipe recipe, float[][] x, float[] factors) {
        float scale = layer.inputScale(recipe, factors);
        float[][] rounded = new float[x.length][];
        for (int j = 0; j < x.length; j++) {
            float s = factors.length == 0 ? 1 : factors[j];
            rounded[j] = new float[x[j].length];
            for (int n = 0; n < x[j].length; n++) {
                rounded[j][n] = recipe.format().roundTrip(x[j][n] / s, scale);
            }
        }
        float[] smoothed = layer.smoothedWeight(factors);
        float[] weight = recipe.format().roundTripRows(smoothed, layer.rowScales(recipe.format(), smoothed));
        int out = layer.out();
        double[] errors = new double[out];
        double[] squares = new double[out];
        IntStream.range(0, out).parallel().forEach(o -> {
            int n = x.length == 0 ? 0 : x[0].length;
            float[] difference = new float[n];
            float[] output = new float[n];
            for (int j = 0; j < x.length; j++) {
                float w = layer.weight()[o * x.length + j];
                float v = weight[o * x.length + j];
                float[] exact = x[j];
                float[] near = rounded[j];
                for (int r = 0; r < n; r++) {
                    float product = w * exact[r];
                    output[r] += product;
                    difference[r] += v * near[r] - product;
                }
            }
            errors[o] = squares(difference);
            squares[o] = squares(output);
        });
        double signal = Arrays.stream(squares).sum();
        return signal == 0 ? 0 : Arrays.stream(errors).sum() / signal;
    }

    private static double squares(float[] values) {
        double sum = 0;
        for (float v : values) {
            sum += (double) v * v;
        }
        return sum;
    }

    /** [rows][in] to [in][rows]: the inner loop runs over rows, so that it has no sum to wait for. */
    private static float[][] transpose(float[][] rows, int in) {
        float[][] x = new float[in][rows.length];
        for (int r = 0; r < rows.length; r++) {
            for (int j = 0; j < in; j++) {
                x[j][r] = rows[r][j];
            }
        }
        return x;
    }
}

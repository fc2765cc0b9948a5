package org.maskrt.models.dinov2;

/**
 * Cubic convolution (Keys, 1981) between grids as matrices, in the conventions of PyTorch's {@code interpolate}: samples lie in the middles of
 * their cells. The result of a matrix [to,from] and a column of samples is that column at the other length.
 */
final class Bicubic {
    private static final double PLAIN = -0.75;
    private static final double ANTIALIASED = -0.5;

    private Bicubic() {}

    /**
     * Four samples for each position whatever the factor, those beyond the edge being the edge's.
     *
     * @param offset added to {@code to} where the factor is taken
     */
    static float[] plain(int from, int to, double offset) {
        double step = from / (to + offset);
        double[] weights = new double[to * from];
        for (int i = 0; i < to; i++) {
            double at = step * (i + 0.5) - 0.5;
            int low = (int) Math.floor(at);
            for (int k = low - 1; k <= low + 2; k++) {
                int sample = Math.max(0, Math.min(from - 1, k));
                weights[i * from + sample] += kernel(at - k, PLAIN);
            }
        }
        return floats(weights);
    }

    /** A kernel that widens with the reduction; samples beyond the edge have no part. */
    static float[] antialiased(int from, int to, double offset) {
        double step = from / (to + offset);
        double spread = Math.max(1, step);
        double[] weights = new double[to * from];
        for (int i = 0; i < to; i++) {
            double center = step * (i + 0.5);
            int start = Math.max(0, (int) (center - 2 * spread + 0.5));
            int end = Math.min(from, (int) (center + 2 * spread + 0.5));
            double total = 0;
            for (int k = start; k < end; k++) {
                weights[i * from + k] = kernel((k + 0.5 - center) / spread, ANTIALIASED);
                total += weights[i * from + k];
            }
            for (int k = start; k < end; k++) {
                weights[i * from + k] /= total;
            }
        }
        return floats(weights);
    }

    private static double kernel(double x, double a) {
        double d = Math.abs(x);
        if (d < 1) {
            return ((a + 2) * d - (a + 3)) * d * d + 1;
        }
        return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
    }

    private static float[] floats(double[] values) {
        float[] rounded = new float[values.length];
        for (int i = 0; i < rounded.length; i++) {
            rounded[i] = (float) values[i];
        }
        return rounded;
    }
}

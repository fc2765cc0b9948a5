package org.maskrt.models.layers;

/** The fixed 2-D sine-cosine position embedding with which DiT's and MDT's {@code pos_embed} begin (MAE). */
public final class SinCosPositions {
    private SinCosPositions() {}

    /** [1,N,D] row-major for a square grid: the first half of D encodes the column, the second the row. */
    public static float[] of(int tokens, int width) {
        int side = (int) Math.round(Math.sqrt(tokens));
        int quarter = width / 4;
        float[] out = new float[tokens * width];
        for (int n = 0; n < tokens; n++) {
            int row = n / side;
            int column = n % side;
            for (int i = 0; i < quarter; i++) {
                double omega = 1 / Math.pow(10_000, i / (double) quarter);
                out[n * width + i] = (float) Math.sin(column * omega);
                out[n * width + quarter + i] = (float) Math.cos(column * omega);
                out[n * width + 2 * quarter + i] = (float) Math.sin(row * omega);
                out[n * width + 3 * quarter + i] = (float) Math.cos(row * omega);
            }
        }
        return out;
    }
}

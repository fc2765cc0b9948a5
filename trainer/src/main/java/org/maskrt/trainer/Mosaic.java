package org.maskrt.trainer;

import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Tensor;

/** Many pictures side by side. */
final class Mosaic {
    private Mosaic() {}

    /** Pictures [B,3,H,W] in [-1,1], {@code columns} in a row. */
    static RgbImage of(Tensor pictures, int columns) {
        int h = pictures.dim(2);
        int w = pictures.dim(3);
        int rows = (pictures.dim(0) + columns - 1) / columns;
        byte[] all = new byte[3 * columns * w * rows * h];
        for (int b = 0; b < pictures.dim(0); b++) {
            byte[] one = RgbImage.of(pictures.values(), b * 3 * h * w, w, h).pixels();
            for (int y = 0; y < h; y++) {
                int at = ((b / columns * h + y) * columns + b % columns) * w;
                System.arraycopy(one, 3 * y * w, all, 3 * at, 3 * w);
            }
        }
        return new RgbImage(columns * w, rows * h, all);
    }
}

package org.maskrt.trainer;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.AtomicFiles;

/** Many pictures side by side. */
final class Mosaic {
    private Mosaic() {}

    /** Pictures [B,3,H,W] in [-1,1], {@code columns} in a row. */
    static BufferedImage of(Tensor pictures, int columns) {
        int h = pictures.dim(2);
        int w = pictures.dim(3);
        int rows = (pictures.dim(0) + columns - 1) / columns;
        BufferedImage out = new BufferedImage(columns * w, rows * h, BufferedImage.TYPE_INT_RGB);
        float[] v = pictures.values();
        for (int b = 0; b < pictures.dim(0); b++) {
            for (int y = 0; y < h; y++) {
                for (int x = 0; x < w; x++) {
                    int at = (b * 3 * h + y) * w + x;
                    int rgb = level(v[at]) << 16 | level(v[at + h * w]) << 8 | level(v[at + 2 * h * w]);
                    out.setRGB(b % columns * w + x, b / columns * h + y, rgb);
                }
            }
        }
        return out;
    }

    private static int level(float value) {
        return Math.max(0, Math.min(255, Math.round((value + 1) * 127.5f)));
    }

    static void write(Path file, BufferedImage image) {
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        try {
            ImageIO.write(image, "png", png);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        AtomicFiles.write(file, channel -> {
            ByteBuffer bytes = ByteBuffer.wrap(png.toByteArray());
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }
}

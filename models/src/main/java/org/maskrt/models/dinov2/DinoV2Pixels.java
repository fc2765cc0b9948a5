package org.maskrt.models.dinov2;

import java.util.List;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Tensor;

/** Pictures as DINOv2 takes them: resized bicubically, levels in [0,1], normalised by the mean and deviation of ImageNet's. */
public final class DinoV2Pixels {
    private static final float[] MEAN = {0.485f, 0.456f, 0.406f};
    private static final float[] DEVIATION = {0.229f, 0.224f, 0.225f};

    private DinoV2Pixels() {}

    /** Pictures, each resized to {@code width} by {@code height} whatever its own proportions: [B,3,H,W]. */
    public static Tensor of(List<RgbImage> images, int width, int height) {
        int plane = width * height;
        Tensor pixels = Tensor.zeros(images.size(), MEAN.length, height, width);
        float[] out = pixels.values();
        for (int b = 0; b < images.size(); b++) {
            byte[] levels = Images.resize(images.get(b), width, height).pixels();
            for (int i = 0; i < plane; i++) {
                for (int c = 0; c < MEAN.length; c++) {
                    float level = Byte.toUnsignedInt(levels[i * MEAN.length + c]) / 255f;
                    out[(b * MEAN.length + c) * plane + i] = (level - MEAN[c]) / DEVIATION[c];
                }
            }
        }
        return pixels;
    }

    /** The multiple of {@code patch} that is nearest to a side of {@code pixels}, one patch at least. */
    public static int nearestMultiple(int pixels, int patch) {
        return Math.max(1, Math.round((float) pixels / patch)) * patch;
    }
}

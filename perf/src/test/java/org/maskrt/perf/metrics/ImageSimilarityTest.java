package org.maskrt.perf.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.maskrt.models.image.RgbImage;

/** The recorded numbers are held by {@link EvaluationTest}. */
class ImageSimilarityTest {
    @Test
    void flatPicturesByHand() {
        RgbImage black = new RgbImage(11, 12);
        RgbImage grey = new RgbImage(11, 12);
        Arrays.fill(grey.pixels(), (byte) 51);
        // a fifth of the peak: 20 log10(5)
        assertEquals(13.979400086720377, ImageSimilarity.psnr(black, grey), 1e-12);
        double c1 = 0.01 * 0.01 * 255 * 255;
        assertEquals(c1 / (51 * 51 + c1), ImageSimilarity.ssim(black, grey), 1e-12);
        assertEquals(1, ImageSimilarity.ssim(grey, grey), 1e-12);
    }

    @Test
    void refusesWhatDoesNotFit() {
        RgbImage a = new RgbImage(10, 20);
        assertEquals(
                "SSIM needs pictures of 11 x 11 or more, got 10 x 20",
                assertThrows(IllegalArgumentException.class, () -> ImageSimilarity.ssim(a, a))
                        .getMessage());
        assertEquals(
                "pictures of one size are compared, got 10 x 20 and 20 x 10",
                assertThrows(IllegalArgumentException.class, () -> ImageSimilarity.psnr(a, new RgbImage(20, 10)))
                        .getMessage());
    }
}

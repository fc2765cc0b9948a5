package org.maskrt.models.dinov2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.ModelPrograms;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.reference.ReferenceCase;

class DinoV2Test {
    private static final Path CASES = Path.of("src/test/resources/reference");

    /** The published counts are 21 M, 86 M, 300 M and 1,100 M; here by hand, without the mask token. */
    @ParameterizedTest
    @CsvSource({
        "dinov2-vits14, 384, 12, 1536, 1, 22.06",
        "dinov2-vitb14, 768, 12, 3072, 1, 86.58",
        "dinov2-vitl14, 1024, 24, 4096, 1, 304.37",
        "dinov2-vitg14, 1536, 40, 4096, 2, 1136.48"
    })
    void parametersAndMacsByHand(String preset, long d, long depth, long hidden, long ups, double millions) {
        for (int registers : new int[] {0, 4}) {
            DinoV2Config config = DinoV2Config.presets().get(preset + (registers == 0 ? "" : "-reg"));
            assertEquals(registers, config.numRegisterTokens());
            CostOps ops = new CostOps();
            DinoV2.Features<Shape> features = new DinoV2(config).forward(ops, ops.params(), ops.input(2, 3, 224, 224));
            assertEquals(Shape.of(2, (int) d), features.classToken());
            assertEquals(Shape.of(2, 256, (int) d), features.patchTokens());
            // Each of: attention 4 D^2 + 4 D; MLP (ups + 1) D H + ups H + D; two norms and two LayerScales 6 D.
            long block = 4 * d * d + (ups + 1) * d * hidden + ups * hidden + 11 * d;
            long rest = 588 * d + d + (1 + 1370) * d + registers * d + 2 * d;
            assertEquals(depth * block + rest, ops.total().parameters(), preset);
            if (registers == 0) {
                assertEquals(millions, ops.total().parameters() / 1e6, 0.005, preset);
            }

            CostOps full = new CostOps();
            new DinoV2(config).forward(full, full.params(), full.input(1, 3, 518, 518));
            long n = 1370L + registers;
            long products = n * (4 * d * d + (ups + 1) * d * hidden) + 2 * n * n * d;
            assertEquals(depth * products + 1369 * 588 * d, full.total().macs(), preset);
        }
    }

    /** transformers' convention is another one: its numbers for another size are not those of the authors. */
    @Test
    void theOffsetCounts() {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve("dinov2"));
                Interpreter interpreter = Interpreter.reference()) {
            DinoV2Config o = c.model(DinoV2.class).config();
            DinoV2 other = new DinoV2(new DinoV2Config(
                    o.imageSize(),
                    o.patchSize(),
                    o.numChannels(),
                    o.hiddenSize(),
                    o.numHiddenLayers(),
                    o.numAttentionHeads(),
                    o.mlpRatio(),
                    o.useSwigluFfn(),
                    o.numRegisterTokens(),
                    false,
                    0));
            Tensor out = interpreter.run(ModelPrograms.features(other), c.weights(), List.of(c.tensor("pixels.56x70")));
            Parity parity = Parity.of("features", c.tensor("features.56x70"), out, Parity.FORWARD);
            assertFalse(parity.passed(), parity::toString);
        }
    }

    @ParameterizedTest
    @CsvSource({"37, 16", "37, 50", "5, 5", "3, 1", "1, 4"})
    void interpolationKeepsConstants(int from, int to) {
        for (float[] matrix : List.of(Bicubic.plain(from, to, 0.1), Bicubic.antialiased(from, to, 0))) {
            assertEquals(from * to, matrix.length);
            for (int i = 0; i < to; i++) {
                float sum = 0;
                for (int k = 0; k < from; k++) {
                    sum += matrix[i * from + k];
                }
                assertEquals(1, sum, 1e-6, "row " + i);
            }
        }
    }

    @Test
    void picturesOfOtherSidesAreRefused() {
        CostOps ops = new CostOps();
        DinoV2 model = new DinoV2(DinoV2Config.vits14());
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> model.forward(ops, ops.params(), ops.input(1, 3, 224, 230)));
        assertEquals(ExitCode.USAGE, e.code());
        assertEquals(
                "DINOv2: expected pictures [B,3,H,W] with H and W multiples of 14, received [1,3,224,230]; resize them",
                e.getMessage());
    }

    @Test
    void sizesThatDoNotFitAreRefused() {
        assertEquals(
                "DINOv2: image_size must be a positive multiple of patch_size 14, got 225",
                refusal(225, 384, 6, 4, 0.1));
        assertEquals(
                "DINOv2: hidden_size must be a positive multiple of num_attention_heads 5, got 384",
                refusal(224, 384, 5, 4, 0.1));
        assertEquals(
                "DINOv2: mlp_ratio must be positive and give the MLP a width, got 1.0E300",
                refusal(224, 384, 6, 1e300, 0));
        assertEquals("DINOv2: interpolate_offset must be at least 0 and below 1, got 1.0", refusal(224, 384, 6, 4, 1));
    }

    private static String refusal(int image, int width, int heads, double ratio, double offset) {
        return assertThrows(
                        MaskRtException.class,
                        () -> new DinoV2Config(image, 14, 3, width, 2, heads, ratio, false, 0, false, offset))
                .getMessage();
    }

    @Test
    void pixelsAreResizedAndNormalised() {
        RgbImage picture = new RgbImage(20, 10);
        for (int i = 0; i < picture.pixels().length; i++) {
            picture.pixels()[i] = (byte) (i * 7);
        }
        RgbImage grey = new RgbImage(3, 3);
        Arrays.fill(grey.pixels(), (byte) 128);
        Tensor pixels = DinoV2Pixels.of(List.of(picture, grey), 28, 14);
        assertEquals(Shape.of(2, 3, 14, 28), pixels.shape());
        byte[] levels = Images.resize(picture, 28, 14).pixels();
        float[] mean = {0.485f, 0.456f, 0.406f};
        float[] deviation = {0.229f, 0.224f, 0.225f};
        float[] expected = new float[pixels.size()];
        for (int i = 0; i < 14 * 28; i++) {
            for (int c = 0; c < 3; c++) {
                expected[c * 14 * 28 + i] = ((levels[3 * i + c] & 0xff) / 255f - mean[c]) / deviation[c];
                expected[(3 + c) * 14 * 28 + i] = (128 / 255f - mean[c]) / deviation[c];
            }
        }
        assertArrayEquals(expected, pixels.values(), 1e-6f);
        assertTrue(DinoV2Pixels.nearestMultiple(1, 14) == 14 && DinoV2Pixels.nearestMultiple(224, 14) == 224);
        assertEquals(238, DinoV2Pixels.nearestMultiple(231, 14));
        assertEquals(224, DinoV2Pixels.nearestMultiple(230, 14));
    }
}

package org.maskrt.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Shape;

class PaperTableTest {
    /** MDT, table 6. Its XL parameters, 675.856 M, are cut and not rounded there. */
    @ParameterizedTest
    @CsvSource({
        "DiT-S/2, 32.9, 6.06",
        "DiT-B/2, 130.3, 23.01",
        "DiT-XL/2, 674.8, 118.64",
        "MDT-S/2, 33.1, 6.07",
        "MDT-B/2, 130.8, 23.02",
        "MDT-XL/2, 675.8, 118.69"
    })
    void thePapersTable(String preset, double parameters, double macs) {
        PaperTable table = PaperTable.of(Presets.of(preset, 32));
        assertEquals(parameters, table.parameters() / 1e6, 0.06, preset + ": parameters in millions");
        assertEquals(macs, table.macs() / 1e9, 0.005, preset + ": MACs in billions");
    }

    /** Per token: qkv 3 D^2, proj D^2, MLP 8 D^2; per block 6 D^2 of adaLN; attention 2 N^2 D. By hand for D = 384, N = 256, 12 blocks. */
    @Test
    void matrixProductsByHand() {
        long d = 384;
        long n = 256;
        long block = n * 12 * d * d + 2 * n * n * d + 6 * d * d;
        long rest = n * 16 * d + n * d * 32 + 2 * d * d + 256 * d + d * d;
        assertEquals(12 * block + rest, PaperTable.of(Presets.of("DiT-S/2", 32)).matmulMacs());
    }

    @Test
    void everyPresetHasConsistentShapes() {
        for (String name : Presets.names()) {
            Denoiser model = Presets.of(name, 32);
            CostOps ops = new CostOps();
            Shape sample = ops.input(2, 4, 32, 32);
            Shape modulation = ops.input(2, model.modulationSize());
            assertEquals(Shape.of(2, 8, 32, 32), model.denoise(ops, ops.params(), sample, modulation), name);
            assertEquals(
                    Shape.of(5, 2, model.modulationSize()),
                    model.conditioner(ops, ops.params(), ops.input(5), ops.input(2)),
                    name);
            if (model instanceof Mdt mdt) {
                MaskPlan.Masked<Shape> mask =
                        new MaskPlan.Masked<>(ops.input(2, 179), ops.input(2, 256), ops.input(2, 256, 1));
                assertEquals(
                        Shape.of(2, 8, 32, 32),
                        mdt.forwardMasked(ops, ops.params(), sample, ops.input(2), ops.input(2), mask),
                        name);
                assertTrue(ops.weights().containsKey("mask_token"), name);
            }
        }
    }

    @Test
    void anUnknownPresetIsNamed() {
        assertEquals(
                "there is no preset 'MDT-XXL/2'; known are DiT-{S,B,L,XL}/{2,4,8}, MDT-{S,B,L,XL}/2 and MDTv2-{S,B,L,XL}/2",
                assertThrows(MaskRtException.class, () -> Presets.of("MDT-XXL/2", 32))
                        .getMessage());
        assertEquals(
                "there is no preset 'MDT-S/4' with patch 4; known are DiT-{S,B,L,XL}/{2,4,8}, MDT-{S,B,L,XL}/2 and MDTv2-{S,B,L,XL}/2",
                assertThrows(MaskRtException.class, () -> Presets.of("MDT-S/4", 32))
                        .getMessage());
    }
}

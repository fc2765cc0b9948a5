package org.maskrt.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.mdt.MaskPlan;
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

    /** Of the E-MD3C paper's 468 M: DTDNet without its side-interpolater, and CCNet. */
    @Test
    void emd3cHasThePublishedSize() {
        assertEquals(465_736_999, PaperTable.of(Presets.of("emd3c-512", 32)).parameters());
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
            Shape sample = ops.input(model.sampleDims(2));
            Shape condition = ops.input(model.conditionDims(2));
            Shape modulation = ops.input(2, model.modulationSize());
            int side = model.inputSize();
            assertEquals(
                    Shape.of(2, model.outChannels(), side, side),
                    model.denoise(ops, ops.params(), sample, modulation),
                    name);
            assertEquals(
                    Shape.of(5, 2, model.modulationSize()),
                    model.conditioner(ops, ops.params(), ops.input(5), condition),
                    name);
            if (model instanceof MaskedDenoiser masked) {
                int tokens = masked.tokens();
                MaskPlan.Masked<Shape> mask = new MaskPlan.Masked<>(
                        ops.input(2, MaskPlan.kept(tokens, 0.3)), ops.input(2, tokens), ops.input(2, tokens, 1));
                assertEquals(
                        Shape.of(2, model.outChannels(), side, side),
                        masked.forwardMasked(ops, ops.params(), sample, ops.input(2), condition, mask),
                        name);
                assertTrue(ops.weights().keySet().stream().anyMatch(k -> k.endsWith("mask_token")), name);
            }
        }
    }

    @Test
    void anUnknownPresetIsNamed() {
        assertEquals(
                "there is no preset 'MDT-XXL/2'; known are DiT-{S,B,L,XL}/{2,4,8}, MDT-{S,B,L,XL}/2, MDTv2-{S,B,L,XL}/2, MaskDiT-{S,B,L,XL}/2, emd3c-512 and emd3c-small",
                assertThrows(MaskRtException.class, () -> Presets.of("MDT-XXL/2", 32))
                        .getMessage());
        assertEquals(
                "there is no preset 'MDT-S/4' with patch 4; known are DiT-{S,B,L,XL}/{2,4,8}, MDT-{S,B,L,XL}/2, MDTv2-{S,B,L,XL}/2, MaskDiT-{S,B,L,XL}/2, emd3c-512 and emd3c-small",
                assertThrows(MaskRtException.class, () -> Presets.of("MDT-S/4", 32))
                        .getMessage());
    }
}

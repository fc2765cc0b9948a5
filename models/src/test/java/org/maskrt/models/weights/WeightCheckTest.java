package org.maskrt.models.weights;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.Presets;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;

class WeightCheckTest {
    private static final Map<String, Shape> WANTED = Map.of("a", Shape.of(2), "b", Shape.of(2, 3));

    private static WeightCheck check(Map<String, Tensor> have) {
        return WeightCheck.compare(WANTED, Weights.of("test", have));
    }

    @Test
    void whatFitsIsComplete() {
        WeightCheck check = check(Map.of(
                "a", Tensor.zeros(2),
                "b", Tensor.zeros(2, 3),
                "blocks.0.attn.rel_pos_bias.relative_position_index", Tensor.ofIndices(new long[1], 1)));
        assertTrue(check.isComplete());
        assertEquals("complete", check.summary());
        assertDoesNotThrow(() -> check.require("w"));
    }

    @Test
    void allDifferencesAreListed() {
        Map<String, Tensor> have = new LinkedHashMap<>();
        have.put("b", Tensor.zeros(3, 2));
        have.put("c", Tensor.zeros(1));
        have.put("relative_position_index", Tensor.zeros(1));
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> check(have).require("w.safetensors"));
        assertEquals(ExitCode.FAILURE, e.code());
        assertEquals(
                "w.safetensors: these are not the weights of this model: 1 missing: a; 2 extra: c, relative_position_index; "
                        + "1 misshapen: b (expected [2,3], received [3,2]); use the config.json that belongs to them",
                e.getMessage());
        assertEquals(
                "1 misshapen: a (expected floating-point values, received I64)",
                check(Map.of("a", Tensor.ofIndices(new long[2], 2), "b", Tensor.zeros(2, 3)))
                        .summary());
    }

    @Test
    void longListsAreCutAndCounted() {
        Map<String, Tensor> have = new LinkedHashMap<>(Map.of("a", Tensor.zeros(2), "b", Tensor.zeros(2, 3)));
        List<String> shown = new ArrayList<>();
        for (int i = 100; i < 150; i++) {
            have.put("x." + i, Tensor.zeros(1));
            if (shown.size() < 20) {
                shown.add("x." + i);
            }
        }
        WeightCheck check = check(have);
        assertEquals(50, check.extra().size());
        String expected = "50 extra: " + String.join(", ", shown) + ", and 30 more";
        assertEquals(expected.length(), check.summary().length(), check.summary());
        assertTrue(check.summary().startsWith("50 extra: "));
        assertTrue(check.summary().endsWith(", and 30 more"));
    }

    @Test
    void notANumberIsFoundAndNamed() {
        Map<String, Tensor> have = new LinkedHashMap<>();
        have.put("good", Tensor.of(new float[] {1, Float.MAX_VALUE}, 2));
        have.put("index", Tensor.ofIndices(new long[2], 2));
        assertDoesNotThrow(() -> WeightCheck.requireFinite(Weights.of("w", have)));
        have.put("bad", Tensor.of(new float[] {0, Float.NaN, Float.NEGATIVE_INFINITY}, 3));
        have.put("worse", Tensor.of(new float[] {Float.POSITIVE_INFINITY}, 1));
        MaskRtException e = assertThrows(MaskRtException.class, () -> WeightCheck.requireFinite(Weights.of("w", have)));
        assertEquals(ExitCode.NOT_FINITE, e.code());
        assertEquals(
                "w: 'bad' has 2 values that are NaN or infinite in fp32, of 3 (2 of 4 tensors have some); use an earlier checkpoint",
                e.getMessage());
    }

    @Test
    void theSideInterpolaterBelongsToAnMdt() {
        Map<String, Shape> wanted = WeightCheck.wanted(new Mdt(new MdtConfig(2, 4, 2, 4, 8, 4, 2, 4, 3, 2, 0.3, true)));
        assertEquals(Shape.of(1, 1, 8), wanted.get("mask_token"));
        assertEquals(Shape.of(24, 8), wanted.get("sideblocks.0.attn.qkv.weight"));
        assertEquals(Shape.of(8, 16), wanted.get("de_blocks.1.skip_linear.weight"));
    }

    /** Trained and fixed parameters: 33.1 M of the paper's table, and the side-interpolater. */
    @Test
    void presetsAreTracedInFull() {
        long values = WeightCheck.wanted(Presets.of("MDT-S/2", 32)).values().stream()
                .mapToLong(Shape::size)
                .sum();
        assertTrue(values > 33_100_000 && values < 37_000_000, "values " + values);
    }

    /** 83,653,863 parameters of Stability's sd-vae, in 248 tensors. */
    @Test
    void theAutoencoderHasItsPublishedSize() {
        Map<String, Shape> wanted = WeightCheck.wanted(new AutoencoderKl(AutoencoderKlConfig.sdVae()));
        assertEquals(248, wanted.size());
        assertEquals(
                83_653_863L, wanted.values().stream().mapToLong(Shape::size).sum());
        assertEquals(Shape.of(512, 512), wanted.get("encoder.mid_block.attentions.0.to_q.weight"));
    }
}

package org.maskrt.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class ClippingTest {
    private static final JsonNode EXPECTED = Recorded.expected();

    @ParameterizedTest
    @ValueSource(strings = {"gaussian", "laplacian", "bimodal", "constant", "outliers"})
    void eachMethodGivesWhatNumpyGives(String name) {
        float[] values = Recorded.values(name);
        Histogram h = Histogram.of(values);
        JsonNode row = EXPECTED.path("distributions").path(name);
        assertEquals(row.path("width").asDouble(), h.width(), name);
        for (int i = 0; i < row.path("bins").size(); i++) {
            assertEquals(row.path("bins").path(i).asLong(), h.counts()[i], name + ": bin " + i);
        }
        for (Format format : Format.values()) {
            JsonNode methods = row.path(format.name().toLowerCase(Locale.ROOT));
            for (String method : new String[] {"minmax", "percentile:99.0", "percentile:99.9", "entropy", "mse"}) {
                String where = name + ", " + format + ", " + method;
                JsonNode recorded = methods.path(method);
                double threshold = ClippingMethod.parse(method).threshold(h, format);
                assertEquals(recorded.path("threshold").asDouble(), threshold, 1e-9 * threshold, where);
                float scale = format.scale("x", threshold);
                assertEquals(recorded.path("scale").asDouble(), scale, 1e-7 * scale, where + ": scale");
                double error = meanSquaredError(values, scale, format);
                double wanted = recorded.path("mse").asDouble();
                assertEquals(wanted, error, 1e-6 * wanted, where + ": mean squared error");
            }
        }
    }

    /** The histogram loses next to nothing against a search on the values themselves. */
    @ParameterizedTest
    @ValueSource(strings = {"gaussian", "laplacian", "bimodal", "outliers"})
    void leastSquaredErrorIsLeastOnTheValuesToo(String name) {
        float[] values = Recorded.values(name);
        for (Format format : Format.values()) {
            double threshold = new ClippingMethod.MeanSquaredError().threshold(Histogram.of(values), format);
            double error = meanSquaredError(values, format.scale(name, threshold), format);
            double least = EXPECTED.path("distributions")
                    .path(name)
                    .path(format.name().toLowerCase(Locale.ROOT))
                    .path("least_mse")
                    .asDouble();
            assertTrue(error <= 1.005 * least, name + ", " + format + ": " + error + ", least " + least);
        }
    }

    private static double meanSquaredError(float[] values, float scale, Format format) {
        double sum = 0;
        for (float v : values) {
            double d = format.roundTrip(v, scale) - v;
            sum += d * d;
        }
        return sum / values.length;
    }

    @ParameterizedTest
    @EnumSource(Format.class)
    void roundTripsAreThoseOfNumpy(Format format) {
        JsonNode codes = EXPECTED.path("round_trips");
        float scale = format == Format.INT8 ? 0.75f : 1;
        float[] expected = floats(codes.path(format.name().toLowerCase(Locale.ROOT)));
        float[] actual = floats(codes.path("x"));
        for (int i = 0; i < actual.length; i++) {
            actual[i] = format.roundTrip(actual[i], scale) + 0f;
            expected[i] += 0f;
        }
        assertArrayEquals(expected, actual);
    }

    private static float[] floats(JsonNode list) {
        float[] values = new float[list.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) list.path(i).asDouble();
        }
        return values;
    }

    @Test
    void everyCodeOfE4M3ComesBack() {
        for (int code = 0; code < 256; code++) {
            float value = Fp8E4M3.decode((byte) code);
            if (Float.isNaN(value)) {
                assertEquals(0x7F, code & 0x7F);
                assertEquals(0x7F, Fp8E4M3.encode(value) & 0x7F);
            } else {
                assertEquals((byte) code, Fp8E4M3.encode(value), "code " + code + ", value " + value);
            }
        }
        assertEquals(448, Fp8E4M3.decode((byte) 0x7E));
        assertEquals(0.001953125f, Fp8E4M3.decode((byte) 1));
        assertTrue(Float.isNaN(Fp8E4M3.decode((byte) 0x7F)));
        assertEquals(448, Fp8E4M3.decode(Fp8E4M3.encode(Float.POSITIVE_INFINITY)));
    }

    @ParameterizedTest
    @EnumSource(Format.class)
    void zerosAndDenormalsHaveScales(Format format) {
        for (String method : new String[] {"minmax", "percentile:99", "entropy", "mse"}) {
            ClippingMethod clipping = ClippingMethod.parse(method);
            assertEquals(0, clipping.threshold(Histogram.of(new float[100]), format), method);
            assertEquals(0, clipping.threshold(new Histogram(), format), method + " of nothing");
            double tiny = clipping.threshold(Histogram.of(new float[] {Float.MIN_VALUE, -Float.MIN_VALUE}), format);
            assertEquals(Float.MIN_VALUE, tiny, method);
        }
        assertEquals(1, format.scale("x", 0));
        assertEquals(Float.MIN_NORMAL, format.scale("x", Float.MIN_VALUE));
        assertEquals(0, format.roundTrip(0, format.scale("x", 0)));
        assertTrue(Math.abs(format.roundTrip(Float.MIN_VALUE, Float.MIN_NORMAL)) <= Float.MIN_NORMAL);
        float large = format.roundTrip(-Float.MAX_VALUE, format.scale("x", Float.MAX_VALUE));
        assertEquals(-Float.MAX_VALUE, large, Float.MAX_VALUE * 1e-6);
        assertEquals(0, Int8.ZERO_POINT);
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void nanAndInfinityAreErrorsThatNameThePath(float bad) {
        Observations o = new Observations(TimestepBins.even(0, 1000, 2), 4);
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> o.add("blocks.0.mlp.fc1", 1, new float[] {1, 2, bad, 4}, 2));
        assertEquals(ExitCode.NOT_FINITE, e.code());
        assertEquals(
                "blocks.0.mlp.fc1 (timesteps 500.0 to 1000.0): expected finite values, received " + bad
                        + " at element 2; check the weights with 'maskrt verify', and the inputs",
                e.getMessage());
        MaskRtException weights = assertThrows(
                MaskRtException.class, () -> Format.INT8.rowScales("blocks.0.attn.qkv.weight", new float[] {bad}, 1));
        assertTrue(weights.getMessage().startsWith("blocks.0.attn.qkv.weight: expected finite values"));
        MaskRtException scale = assertThrows(MaskRtException.class, () -> Format.FP8_E4M3.scale("a.b", bad));
        assertEquals(
                "a.b: expected a finite range to quantise, received " + (double) bad
                        + "; check the weights with 'maskrt verify', and the inputs",
                scale.getMessage());
        assertThrows(IllegalArgumentException.class, () -> Histogram.of(new float[] {bad}));
    }

    @Test
    void methodsAreReadByTheirLabels() {
        for (String label : new String[] {"minmax", "percentile:99.99", "entropy", "mse"}) {
            assertEquals(label, ClippingMethod.parse(label).label());
        }
        for (String label : new String[] {"kl", "percentile:", "percentile:x"}) {
            MaskRtException e = assertThrows(MaskRtException.class, () -> ClippingMethod.parse(label));
            assertEquals(
                    "clipping method: expected minmax, percentile:P (as percentile:99.99), entropy or mse, received '"
                            + label + "'; name one of them",
                    e.getMessage());
            assertEquals(ExitCode.USAGE, e.code());
        }
        for (String label : new String[] {"percentile:0", "percentile:101", "percentile:NaN"}) {
            MaskRtException e = assertThrows(MaskRtException.class, () -> ClippingMethod.parse(label));
            assertTrue(
                    e.getMessage()
                            .startsWith("clipping method: expected a percentile above 0 and at most 100, received "),
                    e.getMessage());
        }
    }

    @Test
    void weightsHaveAScaleForEachRow() {
        float[] weight = {1.5f, -2, 0, 0, 0.5f, 0.125f};
        float[] scales = Format.INT8.rowScales("w", weight, 3);
        assertArrayEquals(new float[] {2f / 127, 1, 0.5f / 127}, scales);
        float[] rounded = Format.INT8.roundTripRows(weight, scales);
        assertEquals("[95, -127, 0, 0, 127, 32]", Arrays.toString(codes(rounded, scales)));
    }

    private static int[] codes(float[] rounded, float[] scales) {
        int[] codes = new int[rounded.length];
        for (int i = 0; i < codes.length; i++) {
            codes[i] = Math.round(rounded[i] / scales[i / 2]);
        }
        return codes;
    }
}

package org.maskrt.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

/** Smoothing, the correction of biases, and the scales of a whole layer. */
class ScalesTest {
    private static final int IN = 24;
    private static final int OUT = 16;
    private static final String PATH = "blocks.0.mlp.fc1";
    private static final ClippingMethod MINMAX = new ClippingMethod.MinMax();
    private static final Recipe PLAIN = new Recipe(Format.INT8, MINMAX, 1, false, false);

    private final JsonNode expected = Recorded.expected().path("layer");
    private final float[] x = Recorded.values("layer_x");
    private final Tensor weight = Tensor.of(Recorded.values("layer_w"), OUT, IN);

    private LinearLayer layer() {
        Statistics s = new Statistics(IN, 64);
        s.add("x", x);
        return new LinearLayer(PATH, weight, s);
    }

    @Test
    void smoothingIsThatOfNumpy() {
        Smoothing found = Smoothing.search(layer(), PLAIN);
        List<Double> errors = IntStream.range(0, 11)
                .mapToObj(i -> expected.path("alphas").path(i).asDouble())
                .toList();
        double least = errors.stream().min(Double::compare).orElseThrow();
        assertEquals(errors.indexOf(least) / 10.0, found.alpha());
        assertEquals(least, found.error(), 2e-3 * least);
        float[] half = Smoothing.factors(0.5, layer().inputs().channelMax(), layer().columnMax());
        for (int j = 0; j < IN; j++) {
            double wanted = expected.path("factors_at_half").path(j).asDouble();
            assertEquals(wanted, half[j], 1e-6 * wanted, "factor " + j);
        }
    }

    @Test
    void smoothingStaysOffWhereItDoesNotHelp() {
        Statistics s = new Statistics(2, 8);
        s.add("x", new float[] {127, -127, 64, 32, -3, 5});
        Smoothing found =
                Smoothing.search(new LinearLayer(PATH, Tensor.of(new float[] {127, 1, 2, 127}, 2, 2), s), PLAIN);
        assertEquals(0, found.error());
        assertArrayEquals(new float[0], found.factors());
    }

    @Test
    void channelsOfZerosAreLeftAlone() {
        float[] factors = Smoothing.factors(0.5, new float[] {0, 4, 1e30f, 1e-30f}, new float[] {1, 0, 1e-9f, 1e9f});
        assertArrayEquals(new float[] {1, 1, 1e5f, 1e-5f}, factors);
    }

    @Test
    void biasCorrectionIsThatOfNumpyAndRemovesTheMeanError() {
        LinearLayer layer = layer();
        float[] rounded = Format.INT8.roundTripRows(weight.values(), layer.rowScales(Format.INT8, weight.values()));
        double[] mean = layer.inputs().channelMean();
        float[] c = BiasCorrection.of(weight.values(), rounded, mean);
        for (int o = 0; o < OUT; o++) {
            assertEquals(expected.path("bias_correction").path(o).asDouble(), c[o], 1e-6, "output " + o);
            double exact = 0;
            double near = c[o];
            for (int i = 0; i < IN; i++) {
                exact += weight.values()[o * IN + i] * mean[i];
                near += rounded[o * IN + i] * mean[i];
            }
            assertEquals(exact, near, 1e-6, "mean of output " + o);
        }
    }

    private Observations observations() {
        Observations o = new Observations(TimestepBins.even(0, 1000, 4), 16);
        for (int bin = 0; bin < 4; bin++) {
            float[] values = x.clone();
            for (int i = 0; i < values.length; i++) {
                values[i] *= bin + 1;
            }
            o.add(PATH, bin, values, IN);
            o.add("blocks.0.attn.q", bin, values, IN);
        }
        return o;
    }

    @ParameterizedTest
    @EnumSource(Format.class)
    void aTableHoldsEachObservedPath(Format format) {
        Recipe recipe = new Recipe(format, MINMAX, 2, false, false);
        Weights weights = Weights.of("test", Map.of(PATH + ".weight", weight));
        Provenance provenance = new Provenance("DiT", "0f", "1", Map.of("seed", "3"));
        ScaleTable table = new Calibrator(recipe, observations()).table(provenance, weights, (done, total) -> {});
        assertEquals(List.of(PATH), List.copyOf(table.linears().keySet()));
        assertEquals(List.of("blocks.0.attn.q"), List.copyOf(table.tensors().keySet()));
        assertArrayEquals(new double[] {0, 500, 1000}, table.timestepEdges());
        float max = 0;
        for (float v : x) {
            max = Math.max(max, Math.abs(v));
        }
        LinearScales linear = table.linears().get(PATH);
        float[] scales = {format.scale("x", 2 * max), format.scale("x", 4 * max)};
        assertArrayEquals(scales, linear.input().scales());
        assertArrayEquals(
                new float[] {scales[1]}, table.tensors().get("blocks.0.attn.q").scales());
        assertArrayEquals(format.rowScales("w", weight.values(), OUT), linear.weightScales());
        assertEquals("minmax", linear.input().clipping());
    }

    @Test
    void smoothedScalesAreThoseOfSmoothedValues() {
        Recipe recipe = new Recipe(Format.INT8, MINMAX, 1, true, true);
        LinearScales scales = new Calibrator(recipe, observations()).linear(PATH, weight);
        float[] s = scales.smoothing().factors();
        assertEquals(IN, s.length);
        double largest = 0;
        for (int i = 0; i < x.length; i++) {
            largest = Math.max(largest, Math.abs(4 * x[i] / s[i % IN]));
        }
        assertEquals(largest / 127, scales.input().scales()[0], 1e-6 * largest / 127);
        float[] rowMax = new float[OUT];
        for (int i = 0; i < OUT * IN; i++) {
            rowMax[i / IN] = Math.max(rowMax[i / IN], Math.abs(weight.values()[i] * s[i % IN]));
        }
        for (int o = 0; o < OUT; o++) {
            assertEquals(rowMax[o] / 127, scales.weightScales()[o], 1e-6 * rowMax[o]);
        }
        assertEquals(OUT, scales.biasCorrection().length);
    }

    /** On what it is made for, each part lowers the error of the layer with all of its parts in place. */
    @Test
    void smoothingAndCorrectionLowerTheErrorOfTheLayer() {
        double plain = error(new Recipe(Format.INT8, MINMAX, 1, false, false));
        double smoothed = error(new Recipe(Format.INT8, MINMAX, 1, true, false));
        double both = error(new Recipe(Format.INT8, MINMAX, 1, true, true));
        assertEquals(expected.path("none").asDouble(), plain, 2e-3 * plain);
        assertTrue(smoothed < plain / 4, smoothed + " with smoothing, " + plain + " without");
        assertTrue(both <= 1.02 * smoothed, both + " with correction, " + smoothed + " without");
    }

    private double error(Recipe recipe) {
        Observations o = new Observations(TimestepBins.even(0, 1000, 1), 64);
        o.add(PATH, 0, x, IN);
        LinearScales l = new Calibrator(recipe, o).linear(PATH, weight);
        float[] s = l.smoothing().factors();
        float[] c = l.biasCorrection();
        double error = 0;
        double signal = 0;
        for (int r = 0; r < x.length / IN; r++) {
            for (int out = 0; out < OUT; out++) {
                double exact = 0;
                double near = c.length == 0 ? 0 : c[out];
                for (int i = 0; i < IN; i++) {
                    float factor = s.length == 0 ? 1 : s[i];
                    float w = weight.values()[out * IN + i];
                    float v = x[r * IN + i];
                    exact += (double) w * v;
                    near += (double) Format.INT8.roundTrip(w * factor, l.weightScales()[out])
                            * Format.INT8.roundTrip(v / factor, l.input().scales()[0]);
                }
                error += (near - exact) * (near - exact);
                signal += exact * exact;
            }
        }
        return error / signal;
    }

    @Test
    void otherWeightsAreRefused() {
        Statistics s = new Statistics(3, 1);
        s.add("x", new float[3]);
        MaskRtException e = assertThrows(MaskRtException.class, () -> new LinearLayer(PATH, weight, s));
        assertEquals(
                PATH
                        + ": expected weights [out, 3] as the recorded inputs have channels, received [16,24]; calibrate with the"
                        + " weights that are quantised",
                e.getMessage());
        assertEquals(ExitCode.USAGE, e.code());
        Recipe many = new Recipe(Format.INT8, MINMAX, 5, false, false);
        assertThrows(MaskRtException.class, () -> new Calibrator(many, observations()));
        assertThrows(MaskRtException.class, () -> new Recipe(Format.INT8, MINMAX, 0, false, false));
    }
}

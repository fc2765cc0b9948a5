package org.maskrt.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.maskrt.models.ops.OpsLaws;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Tensor;

class QuantisedOpsTest {
    private static final long SEED = 71;
    private static final int ROWS = 40;
    private static final int IN = 24;
    private static final int OUT = 10;

    /** A table that names nothing changes nothing. */
    @Nested
    class Nothing extends OpsLaws {
        @Override
        protected Tensor run(Law law, Map<String, Tensor> weights, List<Tensor> inputs) {
            return law.apply(
                    new QuantisedOps<>(new ReferenceOps(), table(Map.of(), Map.of(), 0, 1000), null),
                    params(weights),
                    inputs);
        }
    }

    private static ScaleTable table(
            Map<String, LinearScales> linears, Map<String, ActivationScales> tensors, double... edges) {
        return new ScaleTable(
                new Provenance("Dit", "0".repeat(64), "test", Map.of()), edges, linears, tensors, Map.of());
    }

    private static Tensor normal(Random random, double deviation, int... dims) {
        Tensor t = Tensor.zeros(dims);
        for (int i = 0; i < t.size(); i++) {
            t.values()[i] = (float) (deviation * random.nextGaussian());
        }
        return t;
    }

    /** Against {@link Format#roundTrip} of every number, with values that saturate. */
    @ParameterizedTest
    @EnumSource(Format.class)
    void aLinearIsThatOfRoundedNumbers(Format format) {
        Random random = new Random(SEED);
        Tensor x = normal(random, 1, 2, ROWS / 2, IN);
        Tensor weight = normal(random, 0.3, OUT, IN);
        Tensor bias = normal(random, 1, OUT);
        float[] factors = new float[IN];
        float[] smoothed = weight.values().clone();
        for (int i = 0; i < IN; i++) {
            factors[i] = (float) Math.exp(random.nextGaussian());
        }
        for (int i = 0; i < smoothed.length; i++) {
            smoothed[i] *= factors[i % IN];
        }
        float[] weightScales = format.rowScales("w", smoothed, OUT);
        float scale = format.scale("x", 1.5);
        float[] correction = normal(random, 0.1, OUT).values();
        LinearScales scales = new LinearScales(
                new ActivationScales(format, "minmax", new float[] {scale}),
                weightScales,
                new Smoothing(0.5, 0, factors),
                correction,
                "a test");

        Params<Tensor> p = Params.of((path, shape) -> path.equals("fc.weight") ? weight : bias);
        float[] got = new QuantisedOps<>(new ReferenceOps(), table(Map.of("fc", scales), Map.of(), 0, 1000), null)
                .linear(p.at("fc"), x, IN, OUT)
                .values();

        float[] rounded = format.roundTripRows(smoothed, weightScales);
        float[] expected = new float[ROWS * OUT];
        for (int r = 0; r < ROWS; r++) {
            for (int o = 0; o < OUT; o++) {
                double sum = bias.values()[o] + correction[o];
                for (int i = 0; i < IN; i++) {
                    sum += (double) format.roundTrip(x.values()[r * IN + i] / factors[i], scale) * rounded[o * IN + i];
                }
                expected[r * OUT + o] = (float) sum;
            }
        }
        assertArrayEquals(expected, got, 1e-4f, "seed " + SEED);
    }

    @ParameterizedTest
    @EnumSource(Format.class)
    void operandsOfAttentionsAreRounded(Format format) {
        Random random = new Random(SEED);
        Tensor q = normal(random, 1, 1, 5, 8);
        Tensor k = normal(random, 1, 1, 5, 8);
        Tensor v = normal(random, 1, 1, 5, 8);
        ActivationScales scales = new ActivationScales(format, "minmax", new float[] {format.scale("x", 2)});
        Map<String, ActivationScales> all = Map.of("a.q", scales, "a.k", scales, "a.v", scales);
        float[] got = new QuantisedOps<>(new ReferenceOps(), table(Map.of(), all, 0, 1000), null)
                .attend("a", q, k, v, 2, null)
                .values();
        for (Tensor t : List.of(q, k, v)) {
            for (int i = 0; i < t.size(); i++) {
                t.values()[i] = format.roundTrip(t.values()[i], scales.scales()[0]);
            }
        }
        assertArrayEquals(new ReferenceOps().attend("a", q, k, v, 2, null).values(), got, 1e-5f, "seed " + SEED);
    }

    /** Each row has the scale of its own timestep's group; edges belong to the group that they begin. */
    @ParameterizedTest
    @EnumSource(Format.class)
    void rowsHaveTheScaleOfTheirTimestep(Format format) {
        Random random = new Random(SEED);
        float[] times = {0, 249.99f, 250, 499, 600.5f, 999, 1200, -3};
        int[] groups = {0, 0, 1, 1, 2, 2, 2, 0};
        float[] thresholds = {0.5f, 1, 3};
        Tensor x = normal(random, 1, times.length, 5, IN);
        Tensor weight = normal(random, 0.3, OUT, IN);
        Params<Tensor> p = Params.of((path, shape) -> path.equals("fc.weight") ? weight : Tensor.zeros(OUT));
        float[] weightScales = format.rowScales("w", weight.values(), OUT);
        float[] scales = new float[thresholds.length];
        for (int g = 0; g < scales.length; g++) {
            scales[g] = format.scale("x", thresholds[g]);
        }
        ScaleTable table = table(
                Map.of(
                        "fc",
                        new LinearScales(
                                new ActivationScales(format, "minmax", scales),
                                weightScales,
                                Smoothing.none(),
                                new float[0],
                                "a test")),
                Map.of(),
                0,
                250,
                500,
                1000);
        float[] got = new QuantisedOps<>(new ReferenceOps(), table, Tensor.of(times, times.length))
                .linear(p.at("fc"), x, IN, OUT)
                .values();
        float[] rounded = format.roundTripRows(weight.values(), weightScales);
        float[] expected = new float[got.length];
        for (int r = 0; r < times.length * 5; r++) {
            for (int o = 0; o < OUT; o++) {
                double sum = 0;
                for (int i = 0; i < IN; i++) {
                    sum += (double) format.roundTrip(x.values()[r * IN + i], scales[groups[r / 5]])
                            * rounded[o * IN + i];
                }
                expected[r * OUT + o] = (float) sum;
            }
        }
        assertArrayEquals(expected, got, 1e-4f, "seed " + SEED);
        QuantisedOps<Tensor> untold = new QuantisedOps<>(new ReferenceOps(), table, null);
        IllegalStateException e =
                assertThrows(IllegalStateException.class, () -> untold.linear(p.at("fc"), x, IN, OUT));
        assertEquals("fc has scales by timestep, and no timestep was given", e.getMessage());
    }
}

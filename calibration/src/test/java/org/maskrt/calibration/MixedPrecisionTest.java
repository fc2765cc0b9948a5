package org.maskrt.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MixedPrecisionTest {
    /** The squared error that each linear brings: 40, 20, 10 and 30 dB on latents with a range of 1. */
    private static final Map<String, Double> ERRORS = Map.of("a", 1e-4, "b", 1e-2, "c", 1e-1, "d", 1e-3);

    private static ScaleTable table() {
        Map<String, LinearScales> linears = new TreeMap<>();
        ERRORS.keySet()
                .forEach(path -> linears.put(
                        path,
                        new LinearScales(
                                new ActivationScales(Format.INT8, "minmax", new float[] {1}),
                                new float[] {1},
                                Smoothing.none(),
                                new float[0],
                                "a test")));
        return new ScaleTable(
                new Provenance("Dit", "0", "test", Map.of()), new double[] {0, 1000}, linears, Map.of(), Map.of());
    }

    /** Errors add up. */
    private static float[] latents(ScaleTable table) {
        double square =
                table.linears().keySet().stream().mapToDouble(ERRORS::get).sum();
        float moved = (float) Math.sqrt(square);
        return new float[] {moved, 1 + moved};
    }

    @ParameterizedTest
    @CsvSource({"9, ''", "15, 'c'", "25, 'b,c'", "35, 'b,c,d'", "50, 'a,b,c,d'"})
    void asFewAsPossibleAreKept(double wanted, String kept) {
        List<Integer> told = new ArrayList<>();
        MixedPrecision search = new MixedPrecision(table -> List.of(latents(table)));
        ScaleTable found =
                search.within(wanted, table(), (done, total) -> told.add(done)).table();
        Set<String> expected = kept.isEmpty() ? Set.of() : Set.of(kept.split(","));
        assertEquals(expected, found.kept().keySet());
        assertEquals(4 - expected.size(), found.linears().size());
        for (int i = 1; i < told.size(); i++) {
            assertEquals(true, told.get(i) >= told.get(i - 1), told.toString());
        }
    }

    @Test
    void everyLinearHasItsReason() {
        MixedPrecision search = new MixedPrecision(table -> List.of(latents(table)));
        ScaleTable found = search.within(25, table(), (done, total) -> {}).table();
        assertEquals(
                "quantised alone 10.0 dB; all that are quantised together 29.6 dB, 25.0 wanted",
                found.kept().get("c"));
        assertEquals(
                "quantised alone 40.0 dB; all that are quantised together 29.6 dB, 25.0 wanted",
                found.linears().get("a").reason());
    }
}

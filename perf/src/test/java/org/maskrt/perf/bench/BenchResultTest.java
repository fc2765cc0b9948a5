package org.maskrt.perf.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.perf.CorePlacement;

class BenchResultTest {
    @TempDir
    Path folder;

    @Test
    void jsonKeepsEverything() throws IOException {
        BenchResult full = Results.full();
        Path file = Files.writeString(folder.resolve("results.json"), full.json());
        assertEquals(full, BenchResult.read(file));
    }

    @Test
    void jsonSaysWhatReadersWant() throws IOException {
        JsonNode model = new ObjectMapper().readTree(Results.full().json()).at("/models/0");
        JsonNode times = model.at("/contenders/0/times/0");
        assertEquals("NEAR", times.path("placement").asText());
        assertEquals(10, times.at("/percentiles/50").asDouble(), 0.5);
        assertEquals(100, times.path("throughput").asDouble(), 5);
        JsonNode ratio = model.at("/ratios/0");
        assertEquals(1.4, ratio.at("/interval/middle").asDouble(), 0.05);
        assertEquals("SLOWER", ratio.path("verdict").asText());
        assertEquals(
                270_000_000, model.at("/contenders/0/cold/memory/native_bytes").asLong());
        assertEquals(580, model.at("/contenders/0/cold/first_result_millis").asDouble());
        assertTrue(model.at("/costs/0/total/flops").asDouble() > 1e6);
    }

    @Test
    void otherFilesAreRefused() throws IOException {
        for (String text : List.of("not json", "{}", "[1]", "null", "{\"schema\": 1}")) {
            Path file = Files.writeString(folder.resolve("other.json"), text);
            MaskRtException e = assertThrows(MaskRtException.class, () -> BenchResult.read(file), text);
            assertEquals(ExitCode.FAILURE, e.code());
            assertTrue(e.getMessage().startsWith(file + ": expected the results of a benchmark"), e.getMessage());
        }
        assertThrows(MaskRtException.class, () -> BenchResult.read(folder.resolve("missing.json")));
        Path newer = Files.writeString(
                folder.resolve("newer.json"), Results.full().json().replaceFirst("\"schema\" : 1", "\"schema\" : 99"));
        MaskRtException e = assertThrows(MaskRtException.class, () -> BenchResult.read(newer));
        assertTrue(e.getMessage().contains("found schema 99; measure again"), e.getMessage());
    }

    @Test
    void percentilesAreThoseOfTheRuns() {
        double[] millis = new double[1000];
        for (int i = 0; i < millis.length; i++) {
            millis[i] = i + 1;
        }
        Times times = Results.measured(2, CorePlacement.Tag.NEAR, millis);
        assertEquals(500, times.percentiles().p50(), 0.05);
        assertEquals(900, times.percentiles().p90(), 0.09);
        assertEquals(950, times.percentiles().p95(), 0.095);
        assertEquals(990, times.percentiles().p99(), 0.099);
        assertEquals(500.5, times.mean());
        assertEquals(2000 / 500.5, times.throughput());
    }

    @Test
    void aChangeIsFoundInTheOlderResults() {
        Path old = Path.of("old.json");
        BenchResult before = Results.of(Results.times(40, 10, 1));
        Comparison same = Comparison.of(old, before, Results.of(Results.times(40, 10, 2)));
        assertEquals(Verdict.NO_DIFFERENCE, same.rows().get(0).verdict());
        assertTrue(same.sameMachine());
        Comparison slower = Comparison.of(old, before, Results.of(Results.times(40, 13, 3)));
        assertEquals(1, slower.slower(0.1).size());
        assertEquals(List.of(), slower.slower(0.5));
        Comparison full = Comparison.of(old, Results.full(), Results.full());
        assertEquals(8, full.rows().size());
        assertFalse(full.rows().stream().anyMatch(row -> row.verdict() != Verdict.NO_DIFFERENCE));

        BenchResult other = new BenchResult(before.schema(), before.run(), before.limits(), List.of());
        MaskRtException e = assertThrows(MaskRtException.class, () -> Comparison.of(old, other, before));
        assertEquals(ExitCode.USAGE, e.code());
        assertTrue(e.getMessage().startsWith("old.json: expected times of a model"), e.getMessage());
    }
}

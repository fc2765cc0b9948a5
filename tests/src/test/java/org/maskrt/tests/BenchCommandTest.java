package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.cli.Main;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.models.ExitCode;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.perf.bench.BenchResult;
import org.maskrt.perf.bench.Generation;

class BenchCommandTest {
    @TempDir
    static Path folder;

    private static Path model;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeAll
    static void export() {
        model = SampledModel.export(
                folder.resolve("model"),
                ExportOptions.DEFAULT.withGraphs(Set.of("conditioner", "guided_step", "vae_decoder")));
    }

    private int bench(String... arguments) {
        List<String> all = new ArrayList<>(
                List.of("bench", "--iterations", "2", "--duration", "0", "--warm-up", "0", "--steps", "2", "-q"));
        all.addAll(List.of(arguments));
        if (!all.contains("--limits")) {
            all.addAll(List.of("--limits", "h100"));
        }
        return Main.run(new PrintWriter(out), new PrintWriter(err), all.toArray(new String[0]));
    }

    @Test
    void aModelFolderInTurnWithAnotherConfiguration() throws IOException {
        Path results = folder.resolve("results");
        String[] arguments = {model.toString(), "--batch", "2,1", "--against", "--threads 1", "-o", results.toString()};
        assertEquals(0, bench(arguments), err::toString);
        BenchResult result = BenchResult.read(results.resolve("results.json"));
        BenchResult.Model measured = result.models().get(0);
        assertEquals(
                List.of("ort-cpu", "ort-cpu, 1 thread"),
                measured.contenders().stream().map(BenchResult.Contender::label).toList());
        for (BenchResult.Contender contender : measured.contenders()) {
            assertEquals(
                    Set.of(1, 2),
                    Set.copyOf(contender.times().stream()
                            .map(t -> t.batch())
                            .distinct()
                            .toList()));
            assertNotNull(contender.cold());
            assertTrue(contender.cold().firstMillis() > 0 && contender.cold().jvmMillis() > 0);
            assertTrue(contender.paths().get("en_inblocks.0.attn.qkv") > 0, contender.paths()::toString);
        }
        assertEquals(0.0, measured.contenders().get(1).difference());
        assertNotNull(measured.generation());
        assertEquals(
                List.of("condition", "2 steps", "decode"),
                measured.generation().later().stream()
                        .map(Generation.Stage::name)
                        .toList());
        assertEquals(2, measured.costs().size());
        assertTrue(
                result.run().command().startsWith("maskrt bench --iterations 2"),
                result.run().command());
        assertTrue(
                result.run().command().contains("--against '--threads 1'"),
                result.run().command());
        assertTrue(Files.readString(results.resolve("report.html")).contains("Roofline"));
        assertTrue(out.toString().contains("on its own: first result after"), out::toString);

        assertEquals(2, bench(arguments));
        assertTrue(err.toString().contains("results.json: is there already; name another folder"), err::toString);

        Path again = folder.resolve("again");
        Path older = folder.resolve("older.json");
        inEveryPlacement(results.resolve("results.json"), older);
        assertEquals(
                0,
                bench(model.toString(), "--compare", older.toString(), "--tolerance", "1e9", "-o", again.toString()),
                err::toString);
        assertTrue(out.toString().contains("PASSED"), out::toString);
        assertTrue(Files.readString(again.resolve("report.html")).contains("Compared with the older benchmark"));
    }

    /** The times as if they had been measured in either placement: two rounds need not meet that of two later ones. */
    private static void inEveryPlacement(Path results, Path copy) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        JsonNode root = mapper.readTree(results.toFile());
        for (JsonNode contender : root.path("models").path(0).path("contenders")) {
            Map<Integer, ObjectNode> byBatch = new TreeMap<>();
            contender.path("times").forEach(t -> byBatch.put(t.path("batch").asInt(), (ObjectNode) t));
            ArrayNode times = mapper.createArrayNode();
            for (ObjectNode time : byBatch.values()) {
                for (String placement : List.of("NEAR", "FAR")) {
                    times.add(time.deepCopy().put("placement", placement));
                }
            }
            ((ObjectNode) contender).set("times", times);
        }
        mapper.writeValue(copy.toFile(), root);
    }

    @Test
    void oneGraphAndOneFile() {
        assertEquals(0, bench(model.toString(), "--graph", "vae_decoder"), err::toString);
        assertTrue(out.toString().contains(", vae_decoder"), out::toString);
        Path file = model.resolve("onnx/vae_decoder/model.onnx");
        assertEquals(0, bench(file.toString(), "--batch", "3"), err::toString);
        assertTrue(out.toString().contains("model.onnx, file"), out::toString);
        assertEquals(0, bench(model.toString(), "--graph", "vae_decoder", "--against", file.toString()), err::toString);
        assertTrue(out.toString().contains(file + ", ort-cpu"), out::toString);
    }

    /** What other commands measure of a preset needs a folder. */
    @Test
    void aPresetBecomesAModelFolder() {
        StringWriter said = new StringWriter();
        PrintWriter writer = new PrintWriter(said, true);
        Path preset = folder.resolve("preset");
        assertEquals(0, Main.run(writer, writer, "import", "DiT-S/8", "-o", preset.toString()), said::toString);
        assertTrue(
                said.toString().startsWith(preset + ": DiT-S/8 with random weights; next: maskrt export "),
                said::toString);
        try (ModelFolder model = ModelFolder.open(preset)) {
            model.requireFinite();
            assertEquals(8, ((Dit) model.denoiser()).config().patchSize());
        }
        for (List<String> wrong : List.of(
                List.of("import", "DiT-S/8", "--dry-run"), List.of("import", "DiT-S/8", "-o", preset.toString()))) {
            StringWriter refused = new StringWriter();
            PrintWriter to = new PrintWriter(refused, true);
            assertEquals(ExitCode.USAGE.value(), Main.run(to, to, wrong.toArray(new String[0])));
            assertEquals(1, refused.toString().lines().count(), refused::toString);
            assertTrue(refused.toString().contains("expected"), refused::toString);
        }
    }

    @Test
    void aPeerThatComputesSomethingElseIsNotTimed() throws IOException {
        assumeTrue(File.separatorChar == '/', "the peer is a shell script");
        Path result = folder.resolve("zeros.safetensors");
        SafeTensors.write(result, Map.of("next_sample", Tensor.zeros(1, 4, 8, 8)), DType.F32);
        Path script = Files.writeString(
                folder.resolve("peer.sh"),
                "echo 'a peer'\nwhile read -r what file; do\n"
                        + "  if [ \"$what\" = prepare ]; then cp '" + result
                        + "' \"${file%/*}/result.safetensors\"; echo ready;\n"
                        + "  else echo 1.5; fi\ndone\n");
        assertEquals(4, bench(model.toString(), "--peer", "sh " + script), err::toString);
        assertTrue(err.toString().contains("expected the peer to compute the same before it is timed"), err::toString);
        assertEquals(3, bench(model.toString(), "--peer", "sh " + folder.resolve("missing.sh")));
        assertTrue(err.toString().contains("it ended without an answer"), err::toString);
    }

    @Test
    void mistakesAreExplained() {
        refused("nothing: expected a preset, a model folder, or an ONNX file", "nothing");
        refused("expected --graph to name one of the model's graphs", model.toString(), "--graph", "nothing");
        refused("--against: expected a model or options such as", model.toString(), "--against", "--nonsense");
        refused("--tolerance 5.0: expected --compare with it", model.toString(), "--tolerance", "5");
        refused("--limits: expected measured or one of", model.toString(), "--limits", "ti83");
        refused("there is no backend abacus", model.toString(), "--backend", "abacus");
        refused("--batch [0]", model.toString(), "--batch", "0");
        refused(
                "a peer needs a model",
                model.resolve("onnx/vae_decoder/model.onnx").toString(),
                "--peer",
                "echo");
        assertEquals(
                1,
                bench(model.toString(), "--compare", folder.resolve("none.json").toString()));
        assertTrue(err.toString().contains("none.json: expected the results of a benchmark"), err::toString);
    }

    private void refused(String message, String... arguments) {
        err.getBuffer().setLength(0);
        assertEquals(2, bench(arguments), err::toString);
        assertTrue(err.toString().contains(message), err::toString);
        assertFalse(err.toString().strip().contains("\n"), err::toString);
    }
}

package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.cli.Main;

class EvaluateCommandTest {
    private static final String RECORDED = "../perf/src/test/resources/metrics/";

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int evaluate(String... options) {
        String[] args = new String[options.length + 2];
        args[0] = "evaluate";
        args[1] = "--quiet";
        System.arraycopy(options, 0, args, 2, options.length);
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    }

    @Test
    void aTableAndAFileOfNumbers() throws IOException {
        Path scores = folder.resolve("scores.json");
        int exit = evaluate(
                RECORDED + "reference_pictures.npz",
                RECORDED + "sample_pictures.npz",
                "--metrics",
                "fid,inception_score,psnr,lpips",
                "--inception",
                RECORDED + "network.pt",
                "--inception-output",
                "pool=pool,logits=logits",
                "--inception-pixels",
                "bytes",
                "--lpips",
                RECORDED + "distance.ts",
                "-o",
                scores.toString());
        assertEquals(0, exit, err::toString);
        assertEquals("", err.toString());
        ObjectMapper mapper = new ObjectMapper();
        JsonNode expected =
                mapper.readTree(Path.of(RECORDED, "expected.json").toFile()).at("/pictures");
        JsonNode found = mapper.readTree(scores.toFile());
        assertEquals(4, found.at("/metrics").size());
        found.at("/metrics")
                .properties()
                .forEach(e -> assertEquals(
                        expected.get(e.getKey()).asDouble(), e.getValue().asDouble(), 1e-5, e.getKey()));
        assertEquals(12, found.at("/samples/pictures").asInt());
        assertEquals("""
                metric             value
                FID               0.1601
                Inception Score   1.0873
                PSNR             19.9756
                LPIPS             0.3225
                12 reference pictures, 12 samples
                """, out.toString().replace(System.lineSeparator(), "\n"));
    }

    @Test
    void oneLineAndAnExitCode() {
        Path scores = folder.resolve("scores.json");
        assertEquals(2, evaluate(RECORDED + "statistics.npz", RECORDED + "statistics.npz", "--metrics", "kid"));
        assertTrue(err.toString().contains("kid"), err::toString);
        assertEquals(2, evaluate(RECORDED + "statistics.npz", folder.toString(), "-o", scores.toString()));
        assertTrue(err.toString().contains(folder + ": expected .png, .jpg or .bmp files"), err::toString);
        assertEquals(1, evaluate(RECORDED + "statistics.npz", folder + "/none.npz", "-o", scores.toString()));
        assertTrue(err.toString().contains(folder + "/none.npz: there is no such file"), err::toString);
        assertEquals(3, err.toString().lines().count(), err::toString);
        assertFalse(Files.exists(scores));
    }
}

package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.cli.Main;
import org.maskrt.exporter.ExportOptions;

/** Ctrl-C in the middle of the real command, and a disk that is full. */
class InterruptTest {
    private static final long PATIENCE_SECONDS = 120;
    private static final int SIGINT_MASK = 1 << 1;

    @TempDir
    static Path temp;

    private static Path model;

    @BeforeAll
    static void export() {
        model = SampledModel.export(temp.resolve("model"), ExportOptions.DEFAULT);
    }

    @Test
    void trainingStopsAndGoesOn() throws Exception {
        Path config = temp.resolve("run.yaml");
        Files.writeString(config, BadInputTest.CONFIG.replaceFirst("steps: 2", "steps: 100000"));
        Path out = temp.resolve("run");
        Path metrics = out.resolve("training/autoencoder/metrics.csv");
        Ended ended = interrupted(() -> Files.exists(metrics), "train", config.toString(), "-o", out.toString());
        assertEquals(130, ended.exit, () -> "stderr: " + ended.err);
        assertEquals(1, ended.err.lines().count(), ended.err);
        assertTrue(ended.err.contains("run the same command again"), ended.err);
        assertTrue(Files.exists(out.resolve("training/autoencoder/checkpoint.safetensors")));
        try (Stream<Path> files = Files.walk(out)) {
            assertFalse(files.anyMatch(f -> f.toString().endsWith(".tmp")), "half-written files in " + out);
        }
    }

    @Test
    void samplingStopsAndWritesNothing() throws Exception {
        Path out = temp.resolve("pictures");
        Ended ended = interrupted(
                () -> true, "sample", model.toString(), "-o", out.toString(), "--steps", "1000", "--per-class", "100");
        assertEquals(130, ended.exit, ended.err);
        assertEquals(1, ended.err.lines().count(), ended.err);
        assertTrue(ended.err.contains("interrupted"), ended.err);
        assertFalse(Files.exists(out.resolve("000000.png")));
    }

    @Test
    void aFullDiskLeavesNothing() throws Exception {
        Path small = Files.createDirectory(temp.resolve("small"));
        boolean mounted = run("mount", "-t", "tmpfs", "-o", "size=16k", "none", small.toString()) == 0;
        assumeTrue(mounted, "skipped: only root may mount a small file system");
        try {
            StringWriter err = new StringWriter();
            String out = small.resolve("out").toString();
            int exit = Main.run(
                    new PrintWriter(new StringWriter()),
                    new PrintWriter(err, true),
                    "sample",
                    model.toString(),
                    "-o",
                    out,
                    "--steps",
                    "2",
                    "--per-class",
                    "8");
            Ended ended = new Ended(exit, err.toString().strip());
            assertEquals(1, ended.exit, ended.err);
            assertEquals(1, ended.err.lines().count(), ended.err);
            assertTrue(ended.err.contains("No space left on device"), ended.err);
            try (Stream<Path> files = Files.walk(small)) {
                assertFalse(files.anyMatch(Files::isRegularFile), "something was left in " + small);
            }
        } finally {
            run("umount", small.toString());
        }
    }

    private record Ended(int exit, String err) {}

    /** Whether the work is under way. */
    @FunctionalInterface
    private interface Begun {
        boolean check() throws IOException;
    }

    private static Ended interrupted(Begun begun, String... args) throws Exception {
        String ignored = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("SigIgn:"))
                .findFirst()
                .orElse("SigIgn: 0");
        long mask = Long.parseUnsignedLong(ignored.substring(7).trim(), 16);
        assumeFalse((mask & SIGINT_MASK) != 0, "skipped: this process was started with SIGINT ignored");
        Process process = start(args);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        Thread.sleep(4000);
        while (!begun.check() && process.isAlive() && System.nanoTime() < end) {
            Thread.sleep(100);
        }
        run("kill", "-INT", Long.toString(process.pid()));
        return end(process);
    }

    private static Process start(String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dai.djl.offline=true",
                "-DOPT_OUT_TRACKING=true",
                "-cp",
                System.getProperty("java.class.path"),
                "org.maskrt.cli.Main"));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD);
        builder.environment().keySet().retainAll(Set.of("PATH", "HOME", "LANG", "TMPDIR"));
        return builder.start();
    }

    private static Ended end(Process process) throws Exception {
        String err = new String(process.getErrorStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertTrue(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS), "the command did not end");
        return new Ended(process.exitValue(), err.strip());
    }

    private static int run(String... command) throws Exception {
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        return process.waitFor();
    }
}

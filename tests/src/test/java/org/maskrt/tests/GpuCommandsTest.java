package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.cli.Main;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.runtime.trt.GpuLibrary;

/** The commands that need a GPU, on a machine without one: a line that says what is missing, exit code 3, and nothing else happens. */
class GpuCommandsTest {
    private static final String NO_GLUE = "build with MASKRT_BUILD=-Pgpu";

    @TempDir
    private Path folder;

    private record Run(int exit, String out, String err) {
        static Run of(String... args) {
            StringWriter out = new StringWriter();
            StringWriter err = new StringWriter();
            int exit = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
            return new Run(exit, out.toString(), err.toString());
        }
    }

    private static void requireNoDriver() {
        assumeTrue(Loader.Detector.getPlatform().equals("linux-x86_64"), "elsewhere there is no such backend at all");
        assumeTrue(GpuLibrary.DRIVER.place() == null, "this machine has NVIDIA's driver");
    }

    @Test
    void buildAndRefitSayWhatIsMissing() throws IOException {
        requireNoDriver();
        for (List<String> command : List.of(
                List.of("build", folder.toString()),
                List.of("build", folder.toString(), "--gpu", "a100", "--dtype", "fp16", "--batch", "1:4:16"),
                List.of("bench", "gpu", "-o", folder.resolve("out").toString()),
                List.of("bench", "gpu", "MDT-XL/2", "--dtype", "fp16", "--a100", "-o", folder.toString()),
                List.of("refit", folder.toString(), "--weights", folder.toString()))) {
            Run run = Run.of(command.toArray(String[]::new));
            assertEquals(3, run.exit(), run.err());
            assertTrue(
                    run.err()
                            .matches(
                                    "maskrt: TensorRT: libcuda\\.so\\.1 is missing[^\\n]*; install NVIDIA's driver[^\\n]*; `maskrt"
                                            + " doctor` lists[^\\n]*\\n"),
                    run.err());
            assertEquals("", run.out());
            try (Stream<Path> files = Files.list(folder)) {
                assertEquals(List.of(), files.toList(), "nothing is written");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void samplingSaysWhatIsMissing(String backend, String message) {
        requireNoDriver();
        Path model = SampledModel.export(folder.resolve("model"), ExportOptions.DEFAULT);
        Run run = Run.of("sample", model.toString(), "-o", folder.resolve("out").toString(), "--backend", backend);
        assertEquals(3, run.exit(), run.err());
        assertTrue(run.err().matches("maskrt: " + message + "[^\\n]*\\n"), run.err());
        assertFalse(Files.exists(folder.resolve("out")));
    }

    static Stream<Arguments> backends() {
        return Stream.of(
                Arguments.of("trt", "(TensorRT: libcuda|the backend trt is not)"),
                Arguments.of(
                        "ort-cuda", "ort-cuda: this build has ONNX Runtime for processors only; " + NO_GLUE + "-ort"),
                Arguments.of(
                        "ort-trt", "ort-trt: this build has ONNX Runtime for processors only; " + NO_GLUE + "-ort"));
    }

    @Test
    void doctorListsEveryLibraryWithItsFixAndIsContent() {
        requireNoDriver();
        Run run = Run.of("doctor");
        for (GpuLibrary library : GpuLibrary.values()) {
            assertTrue(
                    library.place() != null
                            || run.out().contains("no       " + library.file() + ": not found; " + library.fix()),
                    run.out());
        }
        assertTrue(
                run.out().contains("no       trt (sample), build, refit: TensorRT: libcuda.so.1 is missing"),
                run.out());
        assertTrue(run.out().contains("no       ort-cuda (sample): ort-cuda: this build"), run.out());
        assertEquals(0, run.exit(), "a machine without a GPU is not a broken one");
    }

    @Test
    void wrongOptionsAreUsageErrorsWithoutAGpuToo() {
        Run size = Run.of("build", folder.toString(), "--workspace", "4q");
        assertEquals("maskrt: --workspace: expected bytes such as 512m or 4g, got '4q'\n", size.err());
        assertEquals(2, size.exit());
        Run gpu = Run.of("build", folder.toString(), "--gpu", "voodoo");
        assertTrue(gpu.err().contains("A100, H100, H200, L40S, AUTO"), gpu.err());
        assertEquals(2, gpu.exit());
        Run type = Run.of("build", folder.toString(), "--dtype", "int8");
        assertEquals("maskrt: --dtype: expected one of [fp32, fp16, bf16], got 'int8'\n", type.err());
        assertEquals(2, type.exit());
        Run batch = Run.of("build", folder.toString(), "--batch", "8:2:1");
        assertTrue(batch.err().startsWith("maskrt: the batches of an engine: expected MIN:OPT:MAX"), batch.err());
        assertEquals(2, batch.exit());
        Run bench = Run.of("bench", "gpu", "--batch", "0", "-o", folder.toString());
        assertTrue(bench.err().startsWith("maskrt: the batches of an engine: expected MIN:OPT:MAX"), bench.err());
        assertEquals(2, bench.exit());
        assertEquals(2, Run.of("bench", "gpu").exit(), "the folder is missing");
    }

    /** This module's class path is that of the whole program. */
    @Test
    void aPlainBuildHasNoLibrariesForGpus() {
        assumeFalse(Boolean.getBoolean("maskrt.gpu"), "built with -Pgpu");
        String test = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        List<String> jars = Stream.of(test.split(File.pathSeparator))
                .map(jar -> jar.substring(jar.lastIndexOf(File.separatorChar) + 1))
                .toList();
        assertTrue(jars.contains("tensorrt-10.6-1.5.11.jar"), jars::toString);
        for (String jar : jars) {
            assertFalse(
                    jar.startsWith("onnxruntime_gpu")
                            || jar.contains("-redist")
                            || jar.matches("(cuda|tensorrt)-.*-(linux|windows|macosx).*")
                            || jar.startsWith("pytorch-native-cu"),
                    () -> jar + " is for GPUs");
        }
    }
}

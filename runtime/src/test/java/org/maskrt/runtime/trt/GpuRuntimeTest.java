package org.maskrt.runtime.trt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarOutputStream;
import java.util.zip.ZipEntry;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class GpuRuntimeTest {
    private static final String LIST = "; `maskrt doctor` lists what is wanted and where it is";

    @TempDir
    Path folder;

    private Path first;
    private Path last;

    @BeforeEach
    void makeFolders() throws IOException {
        first = Files.createDirectories(folder.resolve("first"));
        last = Files.createDirectories(folder.resolve("last"));
    }

    private LibrarySearch search(ClassLoader jars) {
        return new LibrarySearch(List.of(first), jars, List.of(last));
    }

    private LibrarySearch search() {
        return search(new URLClassLoader(new URL[0], null));
    }

    private static void requirePlatform() {
        assumeTrue(Loader.Detector.getPlatform().equals("linux-x86_64"), "NVIDIA's libraries are for linux-x86_64");
    }

    @Test
    void foldersOfTheCallerComeBeforeJarsAndThoseBeforeTheSystem() throws IOException {
        Path jar = folder.resolve("tensorrt-redist.jar");
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(out)) {
            entries.putNextEntry(new ZipEntry("org/bytedeco/tensorrt/linux-x86_64/libnvinfer.so.10"));
            entries.write(1);
        }
        try (URLClassLoader jars = new URLClassLoader(new URL[] {jar.toUri().toURL()}, null)) {
            Files.createFile(last.resolve("libnvinfer.so.10"));
            assertEquals("in tensorrt-redist.jar", shown(search(jars)));
            Files.createFile(first.resolve("libnvinfer.so.10"));
            assertEquals(first.resolve("libnvinfer.so.10").toString(), shown(search(jars)));
            Files.delete(first.resolve("libnvinfer.so.10"));
            assertEquals(last.resolve("libnvinfer.so.10").toString(), shown(search()));
            assertNull(search(jars).find(GpuLibrary.DRIVER), "no jar has the driver");
        }
    }

    private static String shown(LibrarySearch search) {
        return LibrarySearch.shown(search.find(GpuLibrary.TENSORRT));
    }

    @Test
    void theKernelsOfAnotherVersionAreFoundBesideItsLibrary() throws IOException {
        assertNull(search().otherBuilder());
        Files.createFile(last.resolve("libnvinfer.so.10"));
        assertNull(search().otherBuilder());
        Files.createFile(last.resolve("libnvinfer_builder_resource_sm90.so.10.13.0"));
        assertEquals(last, search().otherBuilder());
    }

    @Test
    void whatIsMissingIsOneLine() throws IOException {
        requirePlatform();
        for (GpuLibrary library : GpuLibrary.RUN) {
            if (library != GpuLibrary.CUDART && library != GpuLibrary.DRIVER) {
                Files.createFile(first.resolve(library.file()));
            }
        }
        assertMissing(
                "TensorRT: libcuda.so.1 is missing (so are [libcudart.so.12]); install NVIDIA's driver for CUDA 12.6 or later, or"
                        + " start the container with its GPUs (--gpus all)" + LIST);
        Files.createFile(first.resolve("libcuda.so.1"));
        assertMissing("TensorRT: libcudart.so.12 is missing; install a CUDA 12 runtime, or build with"
                + " MASKRT_BUILD=-Pgpu,gpu-tensorrt,gpu-cuda (2.0 GB more)" + LIST);
    }

    @Test
    void aLibraryThatCannotBeLoadedIsOneLine() throws IOException {
        requirePlatform();
        for (GpuLibrary library : GpuLibrary.RUN) {
            Files.writeString(first.resolve(library.file()), "no library");
        }
        MaskRtException e = assertThrows(MaskRtException.class, () -> GpuRuntime.open(search()));
        assertEquals(ExitCode.ENVIRONMENT, e.code());
        assertTrue(
                e.getMessage()
                        .matches("TensorRT: \\Q" + first.resolve("libcuda.so.1")
                                + "\\E: cannot be loaded: .*(too short|invalid ELF).*; install NVIDIA's driver[^\\n]*"),
                e.getMessage());
    }

    private void assertMissing(String message) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> GpuRuntime.open(search()));
        assertEquals(message, e.getMessage());
        assertEquals(ExitCode.ENVIRONMENT, e.code());
    }

    @Test
    void everyLibraryHasAFix() {
        for (GpuLibrary library : GpuLibrary.values()) {
            assertTrue(library.fix().startsWith("install ") || library.fix().startsWith("build "), library.fix());
            assertNotNull(library.file());
        }
    }

    @Test
    void javaCppIsTheVersionThatThisIsWrittenFor() throws IOException {
        JavaCpp.leaveOut();
        assertEquals("1.5.11", Loader.getVersion());
    }

    @Test
    void whatWasMadeFromAHandleIsFreedBeforeIt() {
        List<String> freed = new ArrayList<>();
        NativeHandle<String> runtime = NativeHandle.of("a runtime", "runtime", freed::add, null);
        NativeHandle<String> engine = NativeHandle.of("an engine", "engine", freed::add, runtime);
        NativeHandle<String> context = NativeHandle.of("a context", "context", freed::add, engine);
        NativeHandle<String> other = NativeHandle.of("a context", "other context", freed::add, engine);
        NativeHandle.of("a graph", "graph", freed::add, context);
        other.close();
        assertEquals(List.of("other context"), freed);
        runtime.close();
        assertEquals(List.of("other context", "graph", "context", "engine", "runtime"), freed);
        runtime.close();
        context.close();
        assertEquals(5, freed.size(), "each once");
        MaskRtException e = assertThrows(MaskRtException.class, engine::get);
        assertEquals("an engine is closed; open it again", e.getMessage());
        assertThrows(
                MaskRtException.class,
                () -> NativeHandle.of("a context", "late", freed::add, engine),
                "after its maker");
    }

    @Test
    void nothingReturnedIsAnError() {
        MaskRtException e = assertThrows(
                MaskRtException.class, () -> NativeHandle.ofTensorRt("an engine of x.plan", null, () -> null, null));
        assertEquals(
                "TensorRT: expected an engine of x.plan, got none; its messages say why (MASKRT_LOG_LEVEL=debug)",
                e.getMessage());
    }

    @Test
    void aWorkersLinesAreReadAmongThoseOfLibraries() {
        WorkerMessage log = new WorkerMessage.Log(TrtMessage.Level.ERROR, "a \"quoted\"\nline");
        assertEquals(log, WorkerMessage.of("[native] " + log.line()));
        assertEquals(1, log.line().lines().count());
        assertNull(WorkerMessage.of("a line of a library"));
        assertNull(WorkerMessage.of("{\"says\":\"nonsense\"}"));
        assertNull(WorkerMessage.of("{\"says\":\"log\""));
        WorkerMessage failed = new WorkerMessage.Failed(ExitCode.ENVIRONMENT, "no GPU");
        assertEquals(failed, WorkerMessage.of(failed.line()));
    }
}

package org.maskrt.runtime.trt;

import java.io.File;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * Where native libraries are looked for: the folders that the caller names, then jars on the class path, then the system's folders.
 *
 * @param first folders before the class path
 * @param jars whose resources may hold libraries
 * @param last folders after the class path
 */
record LibrarySearch(List<Path> first, ClassLoader jars, List<Path> last) {
    private static final Path LINKER = Path.of("/etc/ld.so.conf.d");

    /** Where containers, WSL and installers put what the linker's configuration may not name. */
    private static final List<String> USUAL = List.of(
            "/usr/local/nvidia/lib64",
            "/usr/local/nvidia/lib",
            "/usr/lib/wsl/lib",
            "/usr/local/cuda/lib64",
            "/usr/local/cuda-12/lib64",
            "/usr/local/tensorrt/lib",
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib64",
            "/lib/x86_64-linux-gnu",
            "/lib64",
            "/usr/lib");

    /** {@code -Djava.library.path} and {@code LD_LIBRARY_PATH}, the class path, the linker's folders. */
    static LibrarySearch ofProcess() {
        List<Path> last = new ArrayList<>(linkerFolders());
        USUAL.stream().map(Path::of).forEach(last::add);
        List<Path> first = new ArrayList<>(folders(System.getProperty("java.library.path")));
        first.addAll(folders(System.getenv("LD_LIBRARY_PATH")));
        // the JDK's own default names the system's folders, which come last
        first.removeAll(last);
        return new LibrarySearch(first, LibrarySearch.class.getClassLoader(), last);
    }

    private static List<Path> folders(@Nullable String path) {
        return path == null
                ? List.of()
                : Stream.of(path.split(File.pathSeparator))
                        .filter(p -> !p.isEmpty())
                        .map(Path::of)
                        .toList();
    }

    private static List<Path> linkerFolders() {
        List<Path> folders = new ArrayList<>();
        try (Stream<Path> files = Files.list(LINKER)) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".conf")).sorted().toList()) {
                Files.readAllLines(file).stream()
                        .map(String::strip)
                        .filter(line -> line.startsWith("/"))
                        .map(Path::of)
                        .forEach(folders::add);
            }
        } catch (IOException e) {
            // no such configuration here: the usual folders remain
        }
        return folders;
    }

    /** Where the library is: a file, or an entry of a jar; null if nowhere. */
    @Nullable
    URL find(GpuLibrary library) {
        URL file = in(first, library);
        if (file != null) {
            return file;
        }
        URL entry = library.resource().isEmpty() ? null : jars.getResource(library.resource());
        return entry != null ? entry : in(last, library);
    }

    /** The folder of TensorRT's library if it holds the kernels of another version of TensorRT 10; null if not. */
    @Nullable
    Path otherBuilder() {
        URL library = find(GpuLibrary.TENSORRT);
        if (library == null || !library.getProtocol().equals("file")) {
            return null;
        }
        Path folder = file(library).getParent();
        try (Stream<Path> files = Files.list(folder)) {
            return files.anyMatch(f -> f.getFileName().toString().startsWith("libnvinfer_builder_resource"))
                    ? folder
                    : null;
        } catch (IOException e) {
            return null;
        }
    }

    private static @Nullable URL in(List<Path> folders, GpuLibrary library) {
        for (Path folder : folders) {
            Path file = folder.resolve(library.file());
            if (Files.isRegularFile(file)) {
                try {
                    return file.toUri().toURL();
                } catch (MalformedURLException e) {
                    throw new IllegalStateException(e);
                }
            }
        }
        return null;
    }

    /**
     * The library as a file; an entry of a jar is unpacked once, into JavaCPP's cache.
     *
     * @throws MaskRtException if it cannot be unpacked
     */
    static Path file(URL found) {
        try {
            if (found.getProtocol().equals("file")) {
                return Path.of(found.toURI());
            }
            return Loader.cacheResource(found).toPath();
        } catch (IOException | URISyntaxException e) {
            throw new MaskRtException(
                    ExitCode.ENVIRONMENT,
                    found + ": cannot be unpacked: " + e.getMessage()
                            + "; make room, or name another place with -Dorg.bytedeco.javacpp.cachedir",
                    e);
        }
    }

    /** As a person reads it: the file, or the jar that holds it. */
    static String shown(URL found) {
        String text = found.getPath();
        int entry = text.indexOf(".jar!");
        return entry < 0 ? text : "in " + text.substring(text.lastIndexOf('/', entry) + 1, entry + 4);
    }
}

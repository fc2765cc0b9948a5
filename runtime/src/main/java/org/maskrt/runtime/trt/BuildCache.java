package org.maskrt.runtime.trt;

import com.fasterxml.jackson.core.type.TypeReference;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.AtomicFiles;

/**
 * What builds leave to later ones: TensorRT's timings of kernels, a file for each version of TensorRT and architecture, and how long builds
 * took. Several processes may build at once.
 *
 * @param folder where the files are
 */
public record BuildCache(Path folder) {
    private static final String DURATIONS = "durations.json";

    /** {@code tensorrt} in the folder that MASKRT_HOME names, or in the user's cache. */
    public static BuildCache ofUser() {
        String home = System.getenv("MASKRT_HOME");
        String caches = System.getenv("XDG_CACHE_HOME");
        Path maskrt = home != null
                ? Path.of(home)
                : (caches != null ? Path.of(caches) : Path.of(System.getProperty("user.home"), ".cache"))
                        .resolve("maskrt");
        return new BuildCache(maskrt.resolve("tensorrt"));
    }

    private Path timings(String version, int sm) {
        return folder.resolve("timings-" + version + "-sm" + sm + ".bin");
    }

    /** The timings that there are; empty if none. */
    byte[] timings(EngineSidecar.Platform platform) {
        return read(timings(platform.tensorrt(), platform.sm()));
    }

    /** Replaces the timings by what {@code merge} makes of those that are there by now, while no other process does. */
    void mergeTimings(EngineSidecar.Platform platform, UnaryOperator<byte[]> merge) {
        Path file = timings(platform.tensorrt(), platform.sm());
        locked(folder, () -> {
            byte[] merged = merge.apply(read(file));
            AtomicFiles.write(file, channel -> {
                ByteBuffer bytes = ByteBuffer.wrap(merged);
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
            });
        });
    }

    /** How long a build of this kind took last, in seconds; null if there was none. */
    @Nullable
    Double seconds(String kind) {
        return durations().get(kind);
    }

    /** Remembers how long a build took. */
    void remember(String kind, double seconds) {
        locked(folder, () -> {
            Map<String, Double> all = durations();
            all.put(kind, seconds);
            AtomicFiles.writeString(folder.resolve(DURATIONS), EngineJson.text(all));
        });
    }

    private Map<String, Double> durations() {
        Path file = folder.resolve(DURATIONS);
        if (!Files.exists(file)) {
            return new TreeMap<>();
        }
        try {
            return EngineJson.MAPPER.readValue(file.toFile(), new TypeReference<TreeMap<String, Double>>() {});
        } catch (IOException e) {
            // durations are a convenience: a damaged file is begun anew
            return new TreeMap<>();
        }
    }

    /** One process at a time, and one thread of it, which file locks do not see. */
    private static synchronized void locked(Path folder, Runnable work) {
        try {
            Files.createDirectories(folder);
            try (FileChannel channel =
                    FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                FileLock lock = channel.lock();
                work.run();
                lock.release();
            }
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    folder + ": cannot be written: " + e.getMessage() + "; name another folder with MASKRT_HOME",
                    e);
        }
    }

    private static byte[] read(Path file) {
        try {
            return Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": cannot be read: " + e.getMessage()
                            + "; remove it, or name another folder with MASKRT_HOME",
                    e);
        }
    }
}

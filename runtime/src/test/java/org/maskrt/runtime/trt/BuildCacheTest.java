package org.maskrt.runtime.trt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.trt.EngineSidecar.Platform;

class BuildCacheTest {
    @TempDir
    Path folder;

    @Test
    void timingsAreKeptForEachVersionAndArchitecture() {
        BuildCache cache = new BuildCache(folder.resolve("new/tensorrt"));
        assertArrayEquals(new byte[0], cache.timings(FakeWorker.PLATFORM));
        cache.mergeTimings(FakeWorker.PLATFORM, others -> new byte[] {1, 2});
        cache.mergeTimings(FakeWorker.PLATFORM, others -> {
            byte[] more = Arrays.copyOf(others, 3);
            more[2] = 3;
            return more;
        });
        assertArrayEquals(new byte[] {1, 2, 3}, cache.timings(FakeWorker.PLATFORM));
        assertArrayEquals(new byte[0], cache.timings(new Platform("10.6.0", 80, "NVIDIA A100")));
        assertArrayEquals(new byte[0], cache.timings(new Platform("10.9.0", 90, "NVIDIA H200")));
    }

    @Test
    void concurrentMergesLoseNothing() {
        BuildCache cache = new BuildCache(folder);
        IntStream.range(0, 20)
                .parallel()
                .forEach(i ->
                        cache.mergeTimings(FakeWorker.PLATFORM, others -> Arrays.copyOf(others, others.length + 1)));
        assertEquals(20, cache.timings(FakeWorker.PLATFORM).length);
    }

    @Test
    void aFailedMergeLeavesWhatWasThere() {
        BuildCache cache = new BuildCache(folder);
        cache.mergeTimings(FakeWorker.PLATFORM, others -> new byte[] {1});
        assertThrows(
                IllegalStateException.class,
                () -> cache.mergeTimings(FakeWorker.PLATFORM, others -> {
                    throw new IllegalStateException("TensorRT refuses");
                }));
        assertArrayEquals(new byte[] {1}, cache.timings(FakeWorker.PLATFORM));
    }

    @Test
    void durationsAreRememberedAndADamagedFileIsBegunAnew() throws IOException {
        BuildCache cache = new BuildCache(folder);
        assertNull(cache.seconds("guided_step"));
        cache.remember("guided_step", 61.5);
        cache.remember("conditioner", 9);
        assertEquals(61.5, cache.seconds("guided_step"));
        assertEquals(9, cache.seconds("conditioner"));
        Files.writeString(folder.resolve("durations.json"), "{");
        assertNull(cache.seconds("guided_step"));
        cache.remember("guided_step", 60);
        assertEquals(60, cache.seconds("guided_step"));
    }

    @Test
    void aFolderThatCannotBeWrittenIsSaid() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        MaskRtException e = assertThrows(MaskRtException.class, () -> new BuildCache(file).remember("guided_step", 1));
        assertEquals(file + ": cannot be written: " + file + "; name another folder with MASKRT_HOME", e.getMessage());
    }
}

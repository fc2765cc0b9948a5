package org.maskrt.models;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Products of 8-bit integers on this machine's processor. */
public final class ByteProducts {
    private static final Path FLAGS = Path.of("/proc/cpuinfo");

    private ByteProducts() {}

    /**
     * Whether sums of products of uint8 and int8 are exact, as those of x86's VNNI instructions are. Without them two products are added in 16 bits, which
     * saturates. False where the system does not say.
     */
    public static boolean exact() {
        try (Stream<String> lines = Files.lines(FLAGS)) {
            return lines.anyMatch(line -> line.startsWith("flags") && line.contains("vnni"));
        } catch (IOException e) {
            return false;
        }
    }
}

package org.maskrt.perf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** The memory of this process, natives and mapped files included; empty where the system does not tell (anything but Linux). */
public final class PeakMemory {
    private static final Path STATUS = Path.of("/proc/self/status");

    private PeakMemory() {}

    /** The most bytes that were resident at once. */
    public static OptionalLong bytes() {
        return field("VmHWM:");
    }

    /** The bytes that are resident now. */
    public static OptionalLong resident() {
        return field("VmRSS:");
    }

    private static OptionalLong field(String name) {
        try {
            for (String line : Files.readAllLines(STATUS)) {
                if (line.startsWith(name)) {
                    return OptionalLong.of(1024
                            * Long.parseLong(line.substring(name.length())
                                    .replace("kB", "")
                                    .trim()));
                }
            }
        } catch (IOException | NumberFormatException e) {
            return OptionalLong.empty();
        }
        return OptionalLong.empty();
    }
}

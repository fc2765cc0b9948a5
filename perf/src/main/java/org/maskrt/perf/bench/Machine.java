package org.maskrt.perf.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/**
 * What was measured on, and with what.
 *
 * @param processor its name
 * @param cores that this process may use
 * @param memoryBytes of the machine
 * @param system name, version and architecture of the operating system
 * @param versions of programs and libraries, by name
 */
public record Machine(String processor, int cores, long memoryBytes, String system, Map<String, String> versions) {
    private static final Path CPUINFO = Path.of("/proc/cpuinfo");

    public Machine {
        versions = new TreeMap<>(versions);
    }

    /** This machine. */
    public static Machine here(Map<String, String> versions) {
        Map<String, String> all = new TreeMap<>(versions);
        String own = Machine.class.getPackage().getImplementationVersion();
        all.put("maskrt", own == null ? "0.1.0-SNAPSHOT" : own);
        all.put("java", Runtime.version() + ", " + System.getProperty("java.vm.name"));
        return new Machine(
                processorName(),
                Runtime.getRuntime().availableProcessors(),
                bean().getTotalMemorySize(),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                all);
    }

    static OperatingSystemMXBean bean() {
        return (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    }

    private static String processorName() {
        try {
            return Files.readAllLines(CPUINFO).stream()
                    .filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(System.getProperty("os.arch"));
        } catch (IOException e) {
            return System.getProperty("os.arch");
        }
    }
}

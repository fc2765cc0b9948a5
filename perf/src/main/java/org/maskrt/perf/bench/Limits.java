package org.maskrt.perf.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * What a machine can do at most: the two lines of a roofline (Williams et al., 2009).
 *
 * @param source where the figures are from
 * @param gflops billions of floating-point operations a second in matrix products
 * @param gigabytesPerSecond billions of bytes a second out of memory
 */
public record Limits(
        String source,
        double gflops,
        @JsonProperty("gigabytes_per_s") double gigabytesPerSecond) {
    /** The name that asks for figures measured in the same run. */
    public static final String MEASURED = "measured";

    /**
     * Dense 16-bit tensor-core products with fp32 sums, and memory bandwidth, from NVIDIA's data sheets: A100 80GB SXM (2.0 TB/s), H100 SXM, H200
     * SXM, L40S. The sheets of H100, H200 and L40S print twice these products, with sparsity.
     */
    private static final Map<String, double[]> GPUS = new TreeMap<>(Map.of(
            "a100", new double[] {312e3, 2000},
            "h100", new double[] {990e3, 3350},
            "h200", new double[] {990e3, 4800},
            "l40s", new double[] {362e3, 864}));

    /**
     * The figures of a GPU's data sheet, for 16-bit products.
     *
     * @param name as {@code H100}, or a device's full name that holds it
     * @throws MaskRtException (USAGE) if the table does not have it
     */
    public static Limits ofGpu(String name) {
        Limits known = ofKnownGpu(name);
        if (known == null) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "--limits: expected " + MEASURED + " or one of " + GPUS.keySet() + ", got '" + name + "'");
        }
        return known;
    }

    /** As {@link #ofGpu}; null if the table does not have it. */
    public static @Nullable Limits ofKnownGpu(String name) {
        String wanted = name.toLowerCase(Locale.ROOT);
        for (Map.Entry<String, double[]> gpu : GPUS.entrySet()) {
            if (List.of(wanted.split("[^a-z0-9]+")).contains(gpu.getKey())) {
                double[] limits = gpu.getValue();
                return new Limits(gpu.getKey().toUpperCase(Locale.ROOT) + ", data sheet, 16 bit", limits[0], limits[1]);
            }
        }
        return null;
    }

    /** Milliseconds that work takes at least: its operations at the peak, or its bytes out of memory, whichever is longer. */
    public double floorMillis(double flops, double bytes) {
        return Math.max(flops / gflops, bytes / gigabytesPerSecond) / 1e6;
    }

    /** Operations for each byte from which on the peak bounds the work, not the memory. */
    public double ridge() {
        return gflops / gigabytesPerSecond;
    }
}

package org.maskrt.calibration;

import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.maskrt.models.Checks;
import org.maskrt.models.weights.RecordFile;

/**
 * What is quantised of a model, and how: the result of a calibration, and all that an export needs of it. Quantisation is symmetric, so there are no zero points.
 *
 * @param provenance where the scales come from
 * @param timestepEdges of the groups of timesteps, as in {@link TimestepBins}
 * @param linears by the path of the linear
 * @param tensors operands of attentions, by the paths of {@link Probe}
 * @param kept linears that stay as they are, with the reason
 */
public record ScaleTable(
        Provenance provenance,
        double[] timestepEdges,
        Map<String, LinearScales> linears,
        Map<String, ActivationScales> tensors,
        Map<String, String> kept) {
    private static final String KIND = "maskrt_scale_table";
    private static final int VERSION = 1;

    /**
     * @throws org.maskrt.models.MaskRtException (USAGE) if the number of scales of a linear is neither one nor that of the groups, or that of an operand
     *     is not one, or a path is both quantised and kept
     */
    public ScaleTable {
        int groups = new TimestepBins(timestepEdges).count();
        linears = sorted(linears);
        tensors = sorted(tensors);
        kept = sorted(kept);
        linears.forEach((path, l) -> scales(path, l.input(), groups));
        tensors.forEach((path, a) -> scales(path, a, 1));
        for (String path : kept.keySet()) {
            Checks.require(!linears.containsKey(path), path, "precision", "given once", "in linears and in kept");
        }
    }

    private static <V> Map<String, V> sorted(Map<String, V> map) {
        return Collections.unmodifiableMap(new TreeMap<>(map));
    }

    private static void scales(String path, ActivationScales a, int groups) {
        int n = a.scales().length;
        Checks.require(
                n == 1 || n == groups,
                path,
                "scales",
                groups == 1 ? "one" : "one, or one for each of the " + groups + " groups of timesteps",
                n);
    }

    /** Whether a scale depends on the timestep, which whatever runs the linears has to know then. */
    public boolean byTimestep() {
        return linears.values().stream().anyMatch(l -> l.input().scales().length > 1);
    }

    /** The same scales without those of the linears {@code reasons} names, which are kept as they are. */
    public ScaleTable keeping(Map<String, String> reasons) {
        Map<String, LinearScales> quantised = new TreeMap<>(linears);
        quantised.keySet().removeAll(reasons.keySet());
        Map<String, String> all = new TreeMap<>(kept);
        all.putAll(reasons);
        return new ScaleTable(provenance, timestepEdges, quantised, tensors, all);
    }

    /** @throws org.maskrt.models.MaskRtException if the file cannot be read, or is not a table as {@link #write} writes it */
    public static ScaleTable read(Path file) {
        return RecordFile.read(file, KIND, VERSION, ScaleTable.class);
    }

    /** Of the contents, in hexadecimal. */
    public String sha256() {
        return RecordFile.sha256(KIND, VERSION, this);
    }

    /** @throws org.maskrt.models.MaskRtException if the file cannot be written */
    public void write(Path file) {
        RecordFile.write(file, KIND, VERSION, this);
    }
}

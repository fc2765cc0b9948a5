package org.maskrt.exporter;

import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * One exported graph.
 *
 * @param graph its name
 * @param folder holds model.onnx, model.onnx.data and export.json
 * @param weightsSha256 of the weights' names, shapes and fp32 values
 * @param reached max|diff| / max|reference| of each output; empty if there was no comparison
 */
public record ExportReport(String graph, Path folder, String weightsSha256, Map<String, Double> reached) {
    public ExportReport {
        reached = Map.copyOf(reached);
    }

    /** The largest of {@link #reached}. */
    public OptionalDouble worst() {
        return reached.values().stream().mapToDouble(Double::doubleValue).max();
    }
}

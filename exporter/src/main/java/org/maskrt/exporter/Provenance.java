package org.maskrt.exporter;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.maskrt.exporter.ExportOptions.Validation;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.exporter.graphs.ModelGraphs.GuidedStep;
import org.maskrt.models.ops.Shape;

/**
 * Where an exported graph comes from, for its metadata and its report.
 *
 * @param graph what it computes
 * @param style the form it took
 * @param options what was asked for
 * @param weightsSha256 of the weights file
 */
record Provenance(ModelGraph graph, GraphStyle style, ExportOptions options, String weightsSha256) {
    private static final JsonMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    /** For {@code metadata_props}. */
    Map<String, String> metadata() {
        return Map.of(
                "maskrt.graph", graph.name(),
                "maskrt.config", json(false, graph),
                "maskrt.weights_sha256", weightsSha256,
                "maskrt.version", version(),
                "maskrt.dtype", style.precision().toString(),
                "maskrt.attention", style.attention().toString(),
                "maskrt.target", style.target().toString(),
                "maskrt.layout", "linear weights are [in,out], the transpose of the state_dict's [out,in]");
    }

    /** The text of {@code export.json}; {@code reached} is empty if there was no comparison. */
    String report(Map<String, Double> reached) {
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("graph", graph.name());
        report.put("opset", OnnxOp.OPSET);
        report.put("dtype", style.precision().toString());
        report.put("attention", style.attention().toString());
        report.put("target", style.target().toString());
        report.put("batch", options.batch() == Shape.BATCH ? "dynamic" : options.batch());
        if (graph instanceof GuidedStep) {
            report.put("guided_channels", options.guided().toString());
        }
        report.put("weights_sha256", weightsSha256);
        report.put("tool_version", version());
        if (!reached.isEmpty()) {
            Validation validation = options.validation();
            Map<String, Object> comparison = new LinkedHashMap<>();
            comparison.put("measure", "max|diff| / max|reference|");
            comparison.put("limit", validation.tolerance());
            comparison.put("reached", new TreeMap<>(reached));
            comparison.put("seed", validation.seed());
            report.put("tolerance", comparison);
        }
        return json(true, report) + "\n";
    }

    private static String json(boolean indented, Object value) {
        try {
            return (indented ? JSON.writer(SerializationFeature.INDENT_OUTPUT) : JSON.writer())
                    .writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String version() {
        String version = Provenance.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}

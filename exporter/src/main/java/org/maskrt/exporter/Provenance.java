package org.maskrt.exporter;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.maskrt.calibration.ScaleTable;
import org.maskrt.exporter.ExportOptions.Validation;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.exporter.GraphStyle.Target;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.exporter.graphs.Port;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.weights.Sha256;

/**
 * Where an exported graph comes from, for its metadata and its report.
 *
 * @param graph what it computes
 * @param options what was asked for
 * @param weightsSha256 of the weights' names, shapes and fp32 values
 */
record Provenance(ModelGraph graph, ExportOptions options, String weightsSha256) {
    private static final Set<String> STEPS = Set.of("transformer", "denoiser", "guided_step", "half_step", "inpaint");

    private static final String SCALES = "scales_sha256";

    private static final JsonMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    /** For {@code metadata_props}. */
    Map<String, String> metadata() {
        GraphStyle style = style();
        return Map.of(
                "maskrt.graph", graph.name(),
                "maskrt.config", json(false, graph),
                "maskrt.weights_sha256", weightsSha256,
                "maskrt.version", version(),
                "maskrt.dtype", style.precision().toString(),
                "maskrt.attention", style.attention().toString(),
                "maskrt.target", style.target().toString(),
                "maskrt.bias", style.bias().toString(),
                "maskrt.layout", "linear weights are [in,out], the transpose of the state_dict's [out,in]");
    }

    /** The form that the graph takes. */
    GraphStyle style() {
        return style(graph.name(), options);
    }

    /** The graph as it is written: with what a table names quantised. */
    ModelGraph written() {
        ScaleTable scales = style().scales();
        return scales == null ? graph : new Quantised(graph, scales);
    }

    /** Autoencoders stay in fp32, see {@link Precision}; int8 is for what runs in each step. */
    private static GraphStyle style(String graph, ExportOptions options) {
        GraphStyle style =
                STEPS.contains(graph) ? options.style() : options.style().withScales(null);
        boolean int8 = style.precision() == Precision.INT8;
        boolean fp32 = int8 ? !STEPS.contains(graph) : graph.startsWith("vae_");
        return fp32 ? style.with(Precision.FP32) : style;
    }

    /** The options' comparison; a graph that stays in fp32 is held to that, unless another tolerance was asked for. */
    Validation validation() {
        boolean usual = options.validation().equals(Validation.of(options.style()));
        return usual ? Validation.of(style()) : options.validation();
    }

    private static Map<String, Object> facts(String graph, ExportOptions options, String weightsSha256) {
        GraphStyle style = style(graph, options);
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("graph", graph);
        facts.put("opset", OnnxOp.OPSET);
        facts.put("dtype", style.precision().toString());
        facts.put("attention", style.attention().toString());
        facts.put("target", style.target().toString());
        facts.put("bias", style.bias().toString());
        facts.put("batch", options.batch() == Shape.BATCH ? "dynamic" : options.batch());
        if (graph.equals("guided_step")) {
            facts.put("guided_channels", options.guided().label());
        }
        ScaleTable scales = style.scales();
        if (scales != null) {
            facts.put(SCALES, scales.sha256());
        }
        facts.put("weights_sha256", weightsSha256);
        facts.put("tool_version", version());
        return facts;
    }

    /** Whether {@code report}, an {@code export.json}, says that such a graph was made with these options from these weights. */
    static boolean matches(Path report, String graph, ExportOptions options, String weightsSha256) {
        JsonNode wanted = JSON.valueToTree(facts(graph, options, weightsSha256));
        try {
            JsonNode made = JSON.readTree(report.toFile());
            return made.path(SCALES).equals(wanted.path(SCALES))
                    && wanted.properties().stream()
                            .allMatch(fact -> fact.getValue().equals(made.path(fact.getKey())));
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * The text of {@code export.json}.
     *
     * @param folder with the graph's files
     * @param quantised the layers whose products are those of 8-bit numbers
     * @param reached empty if there was no comparison
     * @throws IOException if the files cannot be read
     */
    String report(Path folder, List<String> quantised, Map<String, Double> reached) throws IOException {
        Map<String, Object> report = facts(graph.name(), options, weightsSha256);
        byte[] model = Files.readAllBytes(folder.resolve(OnnxFile.MODEL));
        report.put("model_sha256", Sha256.of(model));
        report.put("inputs", written().inputs().stream().map(Port::name).toList());
        report.put("data_bytes", Files.size(folder.resolve(OnnxFile.DATA)));
        if (!quantised.isEmpty()) {
            ScaleTable scales = style().scales();
            Map<String, Object> quantisation = new LinkedHashMap<>();
            quantisation.put("weights", weights(scales));
            quantisation.put(
                    "activations",
                    scales == null
                            ? "uint8, by the range of the tensor in each run"
                            : "symmetric, by a table of scales");
            quantisation.put("layers", quantised);
            if (scales != null) {
                quantisation.put("kept", scales.kept());
            }
            report.put("quantization", quantisation);
        }
        if (!reached.isEmpty()) {
            Validation validation = validation();
            Map<String, Object> comparison = new LinkedHashMap<>();
            comparison.put("measure", "max|diff| / max|reference|");
            comparison.put("limit", validation.tolerance());
            comparison.put("reached", new TreeMap<>(reached));
            comparison.put("seed", validation.seed());
            if (style().target() == Target.TENSORRT && style().precision() != Precision.FP32) {
                comparison.put(
                        "computed",
                        "in fp32, each result of a " + style().precision() + " operation rounded to that type");
            }
            report.put("tolerance", comparison);
        }
        return json(true, report) + "\n";
    }

    private static String weights(@Nullable ScaleTable scales) {
        String formats = scales == null
                ? "int8"
                : scales.linears().values().stream()
                        .map(linear -> linear.input().format().label())
                        .distinct()
                        .sorted()
                        .collect(Collectors.joining(" or "));
        return formats + ", symmetric, one scale for each output channel";
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

package org.maskrt.perf.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.OnnxExporter;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.Backend;

/**
 * How a graph is run.
 *
 * @param backend of {@link Backend#named}, or {@link #EAGER}
 * @param threads for the work inside one run; 0 for one per core
 * @param precision in which the graph is exported for the benchmark; null as it lies in the model folder, fp32 where there is none
 * @param attention the form in which the graph is exported for the benchmark; null as it lies in the model folder, ort-mha where there is none
 */
public record Configuration(
        String backend,
        int threads,
        GraphStyle.@Nullable Precision precision,
        GraphStyle.@Nullable Attention attention) {
    /** The same maths run by DJL's PyTorch engine, operation by operation. */
    public static final String EAGER = "eager";

    /** The default backend, a thread per core, graphs as they are. */
    public static final Configuration DEFAULT = new Configuration(Backend.DEFAULT, 0, null, null);

    /** Whether it runs operation by operation. */
    public boolean isEager() {
        return backend.equals(EAGER);
    }

    /** Whether graphs are exported for the benchmark though the folder may have them. */
    public boolean exports() {
        return precision != null || attention != null;
    }

    GraphStyle style() {
        boolean quantised = precision == GraphStyle.Precision.INT8;
        return GraphStyle.DEFAULT
                .with(attention == null ? GraphStyle.Attention.ORT_MHA : attention)
                .with(precision == null ? GraphStyle.Precision.FP32 : precision)
                .with(GraphStyle.Bias.usual(GraphStyle.Target.ONNXRUNTIME, quantised));
    }

    /** What sets it apart. */
    String label() {
        List<String> parts = new ArrayList<>(List.of(backend));
        if (threads > 0) {
            parts.add(threads == 1 ? "1 thread" : threads + " threads");
        }
        if (precision != null) {
            parts.add(precision.toString());
        }
        if (attention != null) {
            parts.add(attention.toString());
        }
        return String.join(", ", parts);
    }

    /** In full; {@code graph} is the exported graph's folder, whose report says how it was exported. */
    public Map<String, String> settings(Path graph) {
        Map<String, String> settings = settings();
        Path report = graph.resolve(OnnxExporter.REPORT);
        if (Files.isRegularFile(report)) {
            try {
                JsonNode facts = new ObjectMapper().readTree(report.toFile());
                for (String fact : List.of("dtype", "attention")) {
                    if (facts.path(fact).isTextual()) {
                        settings.put(fact, facts.path(fact).textValue());
                    }
                }
            } catch (IOException e) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        report + ": cannot be read: " + e.getMessage() + "; make it with `maskrt export`",
                        e);
            }
        }
        return settings;
    }

    /** Backend and threads. */
    public Map<String, String> settings() {
        Map<String, String> settings = new TreeMap<>();
        settings.put("backend", backend);
        settings.put("threads", threads == 0 ? "one per core" : threads + "");
        return settings;
    }
}

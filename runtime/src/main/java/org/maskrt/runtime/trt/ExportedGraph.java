package org.maskrt.runtime.trt;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.Sha256;

/**
 * The graph that an engine is built from.
 *
 * @param graph its name
 * @param dtype the type of its products, such as bf16
 * @param bias how the relative position bias of attention is written: constant or gather
 * @param onnxSha256 of model.onnx, which holds everything but the weights
 * @param weightsSha256 of the weights' names, shapes and fp32 values, as the export gives it
 */
public record ExportedGraph(String graph, String dtype, String bias, String onnxSha256, String weightsSha256) {

    /**
     * The graph in {@code folder}.
     *
     * @param folder holds model.onnx and export.json, exported for TensorRT
     * @throws MaskRtException if a file is missing or damaged, or the graph was exported for another runtime
     */
    public static ExportedGraph of(Path folder) {
        Path model = folder.resolve("model.onnx");
        Path report = folder.resolve("export.json");
        if (!Files.isRegularFile(model) || !Files.isRegularFile(report)) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    folder + ": expected model.onnx and export.json, one is missing; make them with"
                            + " `maskrt export --target tensorrt` or `maskrt build`");
        }
        try {
            JsonNode made = new ObjectMapper().readTree(report.toFile());
            if (!made.path("target").asText().equals("tensorrt")) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        report + ": expected the target tensorrt, got '"
                                + made.path("target").asText() + "'; export again with --target tensorrt");
            }
            return new ExportedGraph(
                    text(report, made, "graph"),
                    text(report, made, "dtype"),
                    text(report, made, "bias"),
                    new Sha256().add(model).hex(),
                    text(report, made, "weights_sha256"));
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    folder + ": cannot be read: " + e.getMessage() + "; export again with --target tensorrt",
                    e);
        }
    }

    private static String text(Path report, JsonNode made, String field) {
        String text = made.path(field).asText();
        if (text.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    report + ": expected the field " + field + ", found none; export again with --target tensorrt");
        }
        return text;
    }
}

package org.maskrt.perf.metrics;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * A classifier that the user gives as an ONNX file.
 *
 * @param file the graph
 * @param range what it takes for pixels
 * @param outputs its names of {@code pool}, {@code spatial}, {@code logits} and {@code probabilities} where they are others
 */
public record Inception(Path file, PixelRange range, Map<String, String> outputs) {
    static final List<String> OUTPUTS = List.of("pool", "spatial", "logits", "probabilities");

    public Inception {
        outputs = Map.copyOf(outputs);
        for (String key : outputs.keySet()) {
            if (!OUTPUTS.contains(key)) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        "--inception-output: expected one of " + OUTPUTS + ", received '" + key
                                + "'; write such as pool=NAME");
            }
        }
    }
}

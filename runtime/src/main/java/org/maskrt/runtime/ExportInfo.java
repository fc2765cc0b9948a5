package org.maskrt.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.weights.Sha256;

/** What {@code export.json} beside a graph says of it. */
final class ExportInfo {
    private final Path file;
    private final JsonNode node;

    private ExportInfo(Path file, JsonNode node) {
        this.file = file;
        this.node = node;
    }

    /** The report in the folder of a graph. */
    static ExportInfo read(Path folder) {
        Path file = folder.resolve("export.json");
        try {
            return new ExportInfo(file, new ObjectMapper().readTree(file.toFile()));
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected the report of an export, cannot read it (" + OrtErrors.oneLine(e)
                            + "); make it with `maskrt export`",
                    e);
        }
    }

    /** The inputs of the graph in {@code folder}, if it was exported for batches of any size; none if that is not known. */
    static Set<String> inputsOfAnyBatch(Path folder) {
        Set<String> inputs = new HashSet<>();
        if (Files.isRegularFile(folder.resolve("export.json"))) {
            JsonNode node = read(folder).node;
            if (node.path("batch").asText().equals("dynamic")) {
                node.path("inputs").forEach(input -> inputs.add(input.asText()));
            }
        }
        return inputs;
    }

    /** Whether both graphs were made from the same weights, in the same form and for any batch. */
    static boolean alike(Path folder, Path other) {
        if (!Files.isRegularFile(folder.resolve("export.json")) || !Files.isRegularFile(other.resolve("export.json"))) {
            return false;
        }
        JsonNode one = read(folder).node;
        JsonNode two = read(other).node;
        return one.path("batch").asText().equals("dynamic")
                && one.path("scales_sha256").equals(two.path("scales_sha256"))
                && Stream.of("weights_sha256", "dtype", "batch")
                        .allMatch(fact -> one.has(fact) && one.get(fact).equals(two.get(fact)));
    }

    /** Whether the files of the graph in {@code folder} are those that its report was written for; of the data only the size is looked at. */
    static boolean intact(Path folder) {
        JsonNode facts = read(folder).node;
        Path data = folder.resolve("model.onnx.data");
        try {
            byte[] model = Files.readAllBytes(folder.resolve("model.onnx"));
            String sha = Sha256.of(model);
            return sha.equals(facts.path("model_sha256").asText())
                    && Files.isRegularFile(data)
                    && Files.size(data) == facts.path("data_bytes").asLong(-1);
        } catch (IOException e) {
            return false;
        }
    }

    /** On which channels {@code guided_step} guides. */
    GuidedChannels guidedChannels() {
        String name = node.path("guided_channels").asText();
        for (GuidedChannels channels : GuidedChannels.values()) {
            if (channels.label().equals(name)) {
                return channels;
            }
        }
        throw new MaskRtException(
                ExitCode.FAILURE,
                file + ": expected guided_channels to be reference or all, got '" + name
                        + "'; make it again with `maskrt export`");
    }

    /** The type of the graph's products. */
    String dtype() {
        return node.path("dtype").asText();
    }

    /** Whether the graph in {@code folder} has 8-bit floating-point weights. */
    static boolean isFp8(Path folder) {
        return Files.isRegularFile(folder.resolve("export.json"))
                && read(folder)
                        .node
                        .path("quantization")
                        .path("weights")
                        .asText()
                        .startsWith("fp8");
    }

    /** Of the weights that the graph was exported with. */
    String weightsSha256() {
        return node.path("weights_sha256").asText();
    }
}

package org.maskrt.models.weights;

import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** JSON files, strictly: nothing twice, nothing missing, nothing coerced. Names are in snake_case. */
final class Json {
    private static final int LARGEST = 100_000_000;

    static final ObjectMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            // A file holds the components of a record, and nothing else that can be asked of it.
            .disable(MapperFeature.AUTO_DETECT_IS_GETTERS)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .defaultSetterInfo(JsonSetter.Value.forContentNulls(Nulls.FAIL))
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .defaultPrettyPrinter(new DefaultPrettyPrinter()
                    .withArrayIndenter(new DefaultIndenter("  ", "\n"))
                    .withObjectIndenter(new DefaultIndenter("  ", "\n")))
            .build();

    private Json() {}

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    /** @throws MaskRtException if the file cannot be read or holds anything but one JSON object */
    static ObjectNode readObject(Path file) {
        try {
            long size = Files.size(file);
            if (size > LARGEST) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        file + ": expected a JSON file of at most " + LARGEST + " bytes, found " + size
                                + "; check that it is the right file");
            }
            JsonNode node = MAPPER.readTree(Files.readAllBytes(file));
            if (node instanceof ObjectNode object) {
                return object;
            }
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected a JSON object, found "
                            + (node.isMissingNode() ? "nothing" : Text.quote(node.toString()))
                            + "; write or fetch it again");
        } catch (JsonProcessingException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": is not valid JSON: " + Text.oneLine(e.getOriginalMessage()) + at(e)
                            + "; correct or fetch it again",
                    e);
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": cannot be read: " + AtomicFiles.reason(e) + "; check the path and its permissions",
                    e);
        }
    }

    private static String at(JsonProcessingException e) {
        return e.getLocation() == null
                ? ""
                : " (line " + e.getLocation().getLineNr() + ", column "
                        + e.getLocation().getColumnNr() + ")";
    }

    static void write(Path file, ObjectNode node) {
        AtomicFiles.writeString(file, node.toPrettyString() + "\n");
    }
}

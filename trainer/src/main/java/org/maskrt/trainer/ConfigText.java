package org.maskrt.trainer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonMappingException.Reference;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Collectors;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** Configurations as YAML: records whose keys the table of {@link TrainKeys} explains. */
final class ConfigText {
    private ConfigText() {}

    private static YAMLMapper mapper() {
        return YAMLMapper.builder(YAMLFactory.builder()
                        .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
                        .disable(YAMLGenerator.Feature.USE_NATIVE_TYPE_ID)
                        .build())
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
                .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
                .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
                .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
                .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                .build();
    }

    /** @throws MaskRtException (USAGE) if the file cannot be read */
    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.USAGE, file + ": expected a training configuration, it cannot be read (" + e + ")", e);
        }
    }

    /** Whether a text has a key at its root. */
    static boolean has(String yaml, String key) {
        try {
            return mapper().readTree(yaml).has(key);
        } catch (JsonProcessingException e) {
            return false;
        }
    }

    /**
     * The configuration that a text states.
     *
     * @param origin of the text, for messages
     * @throws MaskRtException (USAGE) if it does not state one
     */
    static <T extends Record> T parse(Class<T> type, String origin, String yaml) {
        try {
            if (!(mapper().readTree(yaml) instanceof ObjectNode root)) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        origin + ": expected a training configuration, received no keys; 'maskrt train --explain' lists"
                                + " them");
            }
            TrainKeys.complete(root, type);
            return mapper().treeToValue(root, type);
        } catch (JsonProcessingException e) {
            if (e.getCause() instanceof MaskRtException cause) {
                throw new MaskRtException(ExitCode.USAGE, origin + ": " + cause.getMessage(), e);
            }
            String where =
                    e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr();
            if (e instanceof JsonMappingException mapping) {
                where += mapping.getPath().stream()
                        .map(Reference::getFieldName)
                        .filter(Objects::nonNull)
                        .collect(Collectors.joining(".", " in '", "'"));
            }
            throw new MaskRtException(
                    ExitCode.USAGE,
                    origin + ": expected a training configuration, received" + where + ": "
                            + e.getOriginalMessage()
                                    .replaceAll(" \\(index \\d+\\).*", "")
                                    .replaceAll("\\s+", " ") + "; correct that key",
                    e);
        }
    }

    /** What {@link #parse} reads, without keys that are at their default. */
    static ObjectNode tree(Record config) {
        ObjectNode root = mapper().valueToTree(config);
        TrainKeys.prune(root, config.getClass());
        return root;
    }

    static String write(Object value) {
        try {
            return mapper().writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}

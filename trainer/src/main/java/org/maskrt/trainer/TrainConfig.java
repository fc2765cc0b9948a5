package org.maskrt.trainer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonMappingException.Reference;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
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

/**
 * A training run, as a YAML file states it. Every key is required and no other is known, so that a file says all there is to say.
 *
 * @param seed of everything random
 * @param data the pictures
 * @param autoencoder the first stage
 * @param transformer the second stage, on the latents of the first
 * @param pace how often to save and to show
 */
public record TrainConfig(
        long seed, DataConfig data, AutoencoderTraining autoencoder, DenoiserTraining transformer, Pace pace) {
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

    /** @throws MaskRtException (USAGE) if the file cannot be read or does not state a run */
    public static TrainConfig read(Path file) {
        try {
            return parse(file.toString(), Files.readString(file));
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.USAGE, file + ": expected a training configuration, it cannot be read (" + e + ")", e);
        }
    }

    /** @param origin of the text, for messages */
    public static TrainConfig parse(String origin, String yaml) {
        try {
            return mapper().readValue(yaml, TrainConfig.class);
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

    /** The inverse of {@link #parse}. */
    public String yaml() {
        return write(this);
    }

    /** All that decides what one stage does: the seed, the data and the training given. */
    String yaml(Record training) {
        return "seed: " + seed + "\n" + write(data) + write(training);
    }

    private static String write(Object value) {
        try {
            return mapper().writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}

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
import org.maskrt.models.Checks;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * A training run, as a YAML file states it: the keys of {@link #explain()} and no other.
 *
 * @param seed of everything random
 * @param data the pictures
 * @param autoencoder the first stage
 * @param transformer the second stage, on the latents of the first
 * @param pace how often to save and to show
 */
public record TrainConfig(
        long seed, DataConfig data, AutoencoderTraining autoencoder, DenoiserTraining transformer, Pace pace) {
    /** @throws MaskRtException (USAGE) for pairs without an E-MD3C, or an E-MD3C without pairs */
    public TrainConfig {
        boolean drawsObjects = transformer.model() instanceof Emd3cSizes;
        Checks.require(
                data instanceof DataConfig.Pairs == drawsObjects,
                "data",
                "source",
                drawsObjects
                        ? "pairs or scenes for the family emd3c"
                        : "shapes or a folder of pictures for families other than emd3c",
                data instanceof DataConfig.Pairs ? "pairs" : "pictures");
    }

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
            if (!(mapper().readTree(yaml) instanceof ObjectNode root)) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        origin + ": expected a training configuration, received no keys; 'maskrt train --explain' lists"
                                + " them");
            }
            TrainKeys.complete(root);
            return mapper().treeToValue(root, TrainConfig.class);
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

    /** Every key of a configuration, one after the other: its path, its type, whether it is required or its default, and its meaning. */
    public static String explain() {
        return TrainKeys.explain();
    }

    /** The inverse of {@link #parse}; keys that are at their default are left out. */
    public String yaml() {
        return write(tree());
    }

    private ObjectNode tree() {
        ObjectNode root = mapper().valueToTree(this);
        TrainKeys.prune(root);
        return root;
    }

    /**
     * All that decides what one stage does: the seed, the data and the stage's training.
     *
     * @param stage {@code autoencoder} or {@code transformer}
     */
    String yaml(String stage) {
        ObjectNode root = tree();
        return "seed: " + seed + "\n" + write(root.get("data")) + write(root.get(stage));
    }

    private static String write(Object value) {
        try {
            return mapper().writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}

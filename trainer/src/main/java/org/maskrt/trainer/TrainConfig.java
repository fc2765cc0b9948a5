package org.maskrt.trainer;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import org.maskrt.models.Checks;
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

    /** @throws MaskRtException (USAGE) if the file cannot be read or does not state a run */
    public static TrainConfig read(Path file) {
        return parse(file.toString(), ConfigText.read(file));
    }

    /** @param origin of the text, for messages */
    public static TrainConfig parse(String origin, String yaml) {
        return ConfigText.parse(TrainConfig.class, origin, yaml);
    }

    /** Every key of a configuration, one after the other: its path, its type, whether it is required or its default, and its meaning. */
    public static String explain() {
        return TrainKeys.explain();
    }

    /** The inverse of {@link #parse}; keys that are at their default are left out. */
    public String yaml() {
        return ConfigText.write(ConfigText.tree(this));
    }

    /**
     * All that decides what one stage does: the seed, the data and the stage's training.
     *
     * @param stage {@code autoencoder} or {@code transformer}
     */
    String yaml(String stage) {
        ObjectNode root = ConfigText.tree(this);
        return "seed: " + seed + "\n" + ConfigText.write(root.get("data")) + ConfigText.write(root.get(stage));
    }
}

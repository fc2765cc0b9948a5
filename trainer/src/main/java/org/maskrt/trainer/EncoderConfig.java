package org.maskrt.trainer;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.maskrt.models.Checks;
import org.maskrt.models.MaskRtException;
import org.maskrt.trainer.data.PairSource;

/**
 * The training of an image encoder, as a YAML file with the key {@code image_encoder} states it; {@link TrainConfig#explain()} has its keys.
 *
 * @param seed of everything random
 * @param data pairs
 * @param imageEncoder the training
 * @param pace how often to save
 */
public record EncoderConfig(long seed, DataConfig data, EncoderTraining imageEncoder, Pace pace) {
    private static final String KEY = "image_encoder";

    /** @throws MaskRtException (USAGE) for data that are no pairs */
    public EncoderConfig {
        Checks.require(
                data instanceof DataConfig.Pairs, "data", "source", "pairs or scenes for an image encoder", "pictures");
    }

    /** The pairs. */
    PairSource pairs(Consumer<String> warnings) {
        return ((DataConfig.Pairs) data).pairs(seed, warnings);
    }

    /** Whether a file states such a training, and not that of a model on latents. */
    public static boolean isStatedBy(Path file) {
        return ConfigText.has(ConfigText.read(file), KEY);
    }

    /** @throws MaskRtException (USAGE) if the file cannot be read or does not state a training */
    public static EncoderConfig read(Path file) {
        return parse(file.toString(), ConfigText.read(file));
    }

    /** @param origin of the text, for messages */
    public static EncoderConfig parse(String origin, String yaml) {
        return ConfigText.parse(EncoderConfig.class, origin, yaml);
    }

    /** The inverse of {@link #parse}; keys that are at their default are left out. */
    public String yaml() {
        return ConfigText.write(ConfigText.tree(this));
    }

    /** All that decides the result. */
    String decisive() {
        ObjectNode root = ConfigText.tree(this);
        root.remove("pace");
        return ConfigText.write(root);
    }
}

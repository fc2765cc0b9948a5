package org.maskrt.trainer;

import java.nio.file.Path;

/**
 * One model's part of a run.
 *
 * @param name for people and folders: {@code autoencoder} or {@code transformer}
 * @param steps in all
 * @param accumulate in how many parts a device computes its share of a batch
 * @param optimizer how the weights follow
 * @param pace how often to save and to show
 * @param folder for checkpoint, metrics and pictures
 */
record Stage(String name, long steps, int accumulate, OptimizerConfig optimizer, Pace pace, Path folder) {
    Path checkpoint() {
        return folder.resolve("checkpoint.safetensors");
    }
}

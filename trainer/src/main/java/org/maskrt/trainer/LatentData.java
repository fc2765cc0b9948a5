package org.maskrt.trainer;

import java.nio.file.Path;
import org.maskrt.models.Denoiser;
import org.maskrt.models.image.RgbImage;

/** What a denoiser is trained on, encoded by an autoencoder. */
interface LatentData extends AutoCloseable {
    /** The model, of the sizes that the data have. */
    Denoiser model();

    /** What it is trained for. */
    Objective objective();

    /**
     * Pictures of the model in training.
     *
     * @param average of its weights
     */
    RgbImage preview(EagerModel average);

    /** Puts into the finished model folder what else the model needs. */
    void finish(Path folder);

    @Override
    void close();
}

package org.maskrt.trainer;

import java.nio.file.Path;
import java.util.function.Consumer;
import org.maskrt.trainer.data.ImageFolder;
import org.maskrt.trainer.data.ImageSource;
import org.maskrt.trainer.data.Shapes;

/**
 * The pictures to train on.
 *
 * @param source {@code shapes}, which are drawn, or a folder of pictures
 * @param images how many shapes to draw; not used for a folder
 * @param classes the number of classes of a folder; not used for shapes
 * @param size height and width to which they are cropped and resized
 * @param mirror whether half of them are flipped left to right
 */
public record DataConfig(String source, long images, int classes, int size, boolean mirror) {
    /** @param warnings takes a line for each picture that cannot be read */
    ImageSource open(long seed, Consumer<String> warnings) {
        return source.equals("shapes")
                ? new Shapes(size, seed, images)
                : new ImageFolder(Path.of(source), size, classes, warnings);
    }
}

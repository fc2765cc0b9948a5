package org.maskrt.trainer;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.maskrt.trainer.data.ImageFolder;
import org.maskrt.trainer.data.ImageSource;
import org.maskrt.trainer.data.PairFolder;
import org.maskrt.trainer.data.PairPictures;
import org.maskrt.trainer.data.PairSource;
import org.maskrt.trainer.data.Scenes;
import org.maskrt.trainer.data.Shapes;

/** What to train on; {@code source} says which of the forms it is. */
@JsonTypeInfo(
        use = JsonTypeInfo.Id.NAME,
        include = JsonTypeInfo.As.EXISTING_PROPERTY,
        property = "source",
        visible = true,
        defaultImpl = DataConfig.Pictures.class)
@JsonSubTypes({
    @JsonSubTypes.Type(value = DataConfig.PairFiles.class, name = "pairs"),
    @JsonSubTypes.Type(value = DataConfig.DrawnPairs.class, name = "scenes")
})
public sealed interface DataConfig {
    /** Height and width of the pictures that the autoencoder is given. */
    int size();

    /** Whether half of the pictures are flipped left to right. */
    boolean mirror();

    /**
     * The pictures that the autoencoder is trained on.
     *
     * @param warnings takes a line for each picture that cannot be read
     */
    ImageSource open(long seed, Consumer<String> warnings);

    /** Objects and scenes, for E-MD3C. */
    sealed interface Pairs extends DataConfig {
        /** The pairs. */
        PairSource pairs(long seed, Consumer<String> warnings);

        @Override
        default boolean mirror() {
            return false;
        }

        @Override
        default ImageSource open(long seed, Consumer<String> warnings) {
            return new PairPictures(pairs(seed, warnings), size());
        }
    }

    /**
     * Pictures of classes.
     *
     * @param source {@code shapes}, which are drawn, or a folder of pictures
     * @param images how many shapes to draw; not used for a folder
     * @param classes the number of classes of a folder; not used for shapes
     * @param size height and width to which they are cropped and resized
     * @param mirror whether half of them are flipped left to right
     */
    record Pictures(String source, long images, int classes, int size, boolean mirror) implements DataConfig {
        @Override
        public ImageSource open(long seed, Consumer<String> warnings) {
            return source.equals("shapes")
                    ? new Shapes(size, seed, images)
                    : new ImageFolder(Path.of(source), size, classes, warnings);
        }
    }

    /**
     * Pairs of files.
     *
     * @param source {@code pairs}
     * @param folder with {@code source/}, {@code target/} and {@code mask/}
     * @param size height and width of the square that the model sees
     */
    record PairFiles(String source, String folder, int size) implements Pairs {
        @Override
        public PairSource pairs(long seed, Consumer<String> warnings) {
            return new PairFolder(Path.of(folder), warnings);
        }
    }

    /**
     * Drawn pairs.
     *
     * @param source {@code scenes}
     * @param images how many pairs to draw
     * @param size height and width of the square that the model sees; scenes are half as large again
     */
    record DrawnPairs(String source, long images, int size) implements Pairs {
        @Override
        public PairSource pairs(long seed, Consumer<String> warnings) {
            return new Scenes(Scenes.sizeFor(size), seed, images);
        }
    }
}

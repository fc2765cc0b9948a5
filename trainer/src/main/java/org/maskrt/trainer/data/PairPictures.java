package org.maskrt.trainer.data;

import java.util.List;
import org.maskrt.models.emd3c.Placement;
import org.maskrt.models.image.RgbImage;

/**
 * The pictures of pairs that an autoencoder has to know: of each pair the square of the scene, the same with the box blanked, and the object on
 * white.
 *
 * @param pairs that they are of
 * @param size side of the pictures in pixels
 */
public record PairPictures(PairSource pairs, int size) implements ImageSource {
    private static final List<String> KINDS = List.of("target", "hint", "object");

    @Override
    public int numClasses() {
        return KINDS.size();
    }

    @Override
    public List<String> labels() {
        return KINDS;
    }

    @Override
    public long count() {
        return KINDS.size() * pairs.count();
    }

    @Override
    public Sample get(long index) {
        int kind = (int) (index % KINDS.size());
        Pair pair = pairs.get(index / KINDS.size());
        RgbImage image;
        if (kind == 2) {
            image = Placement.object(pair.object(), pair.mask(), size);
        } else {
            Placement placement = Placement.of(pair.target(), pair.box());
            image = kind == 0 ? placement.target(pair.target(), size) : placement.hint(pair.target(), size);
        }
        float[] chw = new float[3 * size * size];
        image.toFloats(chw, 0);
        return new Sample(chw, kind);
    }
}

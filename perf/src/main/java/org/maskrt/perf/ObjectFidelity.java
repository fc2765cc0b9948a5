package org.maskrt.perf;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Pixels;
import org.maskrt.models.emd3c.Placement;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Component;
import org.maskrt.runtime.Customization;
import org.maskrt.trainer.EagerModel;

/**
 * Whether an object drawn into a scene is the one that was given: by the class tokens of an image encoder, the drawn object is nearer (by cosine) to
 * its own picture than to that of another object of the same class.
 */
public final class ObjectFidelity {
    private static final int AT_ONCE = 20;

    private final DinoV2 encoder;
    private final EagerModel eager;
    private final int size;

    private ObjectFidelity(DinoV2 encoder, EagerModel eager, int size) {
        this.encoder = encoder;
        this.eager = eager;
        this.size = size;
    }

    /**
     * What was found.
     *
     * @param nearer results whose object is nearer to its own picture than to another of its class
     * @param compared results that have another object of their class to be compared with
     * @param cosine the mean cosine of results and their objects
     * @param changed pixels outside the boxes that differ from the scenes, over all results
     */
    public record Verdict(int nearer, int compared, double cosine, long changed) {
        /** The share that is nearer to its own. */
        public double share() {
            return compared == 0 ? 0 : (double) nearer / compared;
        }
    }

    /**
     * The verdict on results.
     *
     * @param files of the image encoder
     * @param size height and width of its pictures
     * @param pairs what was asked for
     * @param labels the class of each result's object
     * @param images the scenes with their objects
     */
    public static Verdict of(
            Component<DinoV2> files, int size, List<Customization> pairs, List<Integer> labels, List<RgbImage> images) {
        try (EagerModel eager = new EagerModel(files.weights())) {
            return new ObjectFidelity(files.model(), eager, size).verdict(pairs, labels, images);
        }
    }

    private Verdict verdict(List<Customization> pairs, List<Integer> labels, List<RgbImage> images) {
        List<RgbImage> drawn = new ArrayList<>();
        List<RgbImage> objects = new ArrayList<>();
        long changed = 0;
        for (int i = 0; i < pairs.size(); i++) {
            Customization pair = pairs.get(i);
            drawn.add(images.get(i).crop(pair.box(), 0));
            objects.add(Placement.object(pair.object(), pair.mask(), size));
            changed += changed(pair.scene(), images.get(i), pair.box());
        }
        float[][] results = features(drawn);
        float[][] sources = features(objects);
        int nearer = 0;
        int compared = 0;
        double sum = 0;
        for (int i = 0; i < results.length; i++) {
            double own = cosine(results[i], sources[i]);
            sum += own;
            int other = otherOf(labels, i);
            if (other >= 0) {
                compared++;
                nearer += own > cosine(results[i], sources[other]) ? 1 : 0;
            }
        }
        return new Verdict(nearer, compared, sum / results.length, changed);
    }

    /** The next object of the same class, around the end if need be; -1 if there is none. */
    private static int otherOf(List<Integer> labels, int i) {
        for (int step = 1; step < labels.size(); step++) {
            int other = (i + step) % labels.size();
            if (labels.get(other).equals(labels.get(i))) {
                return other;
            }
        }
        return -1;
    }

    private static long changed(RgbImage scene, RgbImage result, Box box) {
        long changed = 0;
        for (int i = 0; i < scene.width() * scene.height(); i++) {
            int x = i % scene.width();
            int y = Math.floorDiv(i, scene.width());
            boolean inside = x >= box.x() && x < box.x() + box.width() && y >= box.y() && y < box.y() + box.height();
            changed += inside || Arrays.equals(scene.pixels(), 3 * i, 3 * i + 3, result.pixels(), 3 * i, 3 * i + 3)
                    ? 0
                    : 1;
        }
        return changed;
    }

    private float[][] features(List<RgbImage> pictures) {
        float[][] features = new float[pictures.size()][];
        for (int from = 0; from < pictures.size(); from += AT_ONCE) {
            List<RgbImage> part = pictures.subList(from, Math.min(from + AT_ONCE, pictures.size()));
            Tensor tokens = eager.run(
                    (ops, p, in) -> encoder.forward(ops, p, in.get(0)).classToken(), DinoV2Pixels.of(part, size, size));
            for (int i = 0; i < part.size(); i++) {
                features[from + i] = tokens.rows(i, i + 1).values();
            }
        }
        return features;
    }

    private static double cosine(float[] a, float[] b) {
        double dot = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < a.length; i++) {
            dot += (double) a[i] * b[i];
            aa += (double) a[i] * a[i];
            bb += (double) b[i] * b[i];
        }
        return dot / Math.sqrt(aa * bb);
    }
}

package org.maskrt.trainer.data;

import java.util.List;
import java.util.Objects;
import java.util.Random;

/**
 * Drawn pictures: one coloured, textured, tilted shape on a calmer background. Picture {@code i} has class
 * {@code i % 10} and is a function of the size, the seed and {@code i} alone.
 *
 * <p>The outline is Java2D's coverage mask (antialiased at 256 x 8 points a pixel); shape and background colours are
 * functions of the place and are mixed by that coverage.
 */
public final class Shapes implements ImageSource {
    /** Largest turn to either side, radians. */
    private static final double TILT = Math.PI / 9;

    private final int size;
    private final long seed;
    private final long count;
    private final Drawing drawing;

    /**
     * A set of drawn pictures.
     *
     * @param size side of the pictures in pixels, at least 8
     * @param seed any number; other seeds give other pictures
     * @param count number of pictures, at least 1
     */
    public Shapes(int size, long seed, long count) {
        if (size < 8 || count < 1) {
            throw new IllegalArgumentException("Shapes: expected size >= 8 and count >= 1, got size " + size
                    + " and count " + count + "; change the data settings");
        }
        this.size = size;
        this.seed = seed;
        this.count = count;
        this.drawing = new Drawing(size);
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public int numClasses() {
        return Drawing.LABELS.size();
    }

    @Override
    public List<String> labels() {
        return Drawing.LABELS;
    }

    @Override
    public long count() {
        return count;
    }

    @Override
    public Sample get(long index) {
        Objects.checkIndex(index, count);
        int label = (int) (index % Drawing.LABELS.size());
        Random random = new Random(SplitMix.mix(SplitMix.mix(seed) + index));
        float[] coverage = drawing.coverage(label, pose(random));

        double hue = random.nextDouble();
        float[] ink = Drawing.hsv(hue, Drawing.uniform(random, 0.75, 1), Drawing.uniform(random, 0.8, 1));
        float[] paper = Drawing.paper(hue, Drawing.luminance(ink), random);
        Drawing.Pattern fill = drawing.fill(random, Drawing.luminance(ink) > Drawing.luminance(paper));
        float[] inkTwo = Drawing.shade(ink, fill.contrast());
        Drawing.Pattern ground = drawing.ground(random);
        float[] paperTwo = Drawing.shade(paper, ground.contrast());

        int plane = size * size;
        float[] chw = new float[3 * plane];
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                int at = y * size + x;
                double u = (x + 0.5) / size - 0.5;
                double v = (y + 0.5) / size - 0.5;
                float a = coverage[at];
                float f = a == 0 ? 0 : (float) fill.at(u, v);
                float g = a == 1 ? 0 : (float) ground.at(u, v);
                for (int c = 0; c < 3; c++) {
                    float over = ink[c] + f * (inkTwo[c] - ink[c]);
                    float under = paper[c] + g * (paperTwo[c] - paper[c]);
                    chw[c * plane + at] = 2 * (under + a * (over - under)) - 1;
                }
            }
        }
        return new Sample(chw, label);
    }

    private static Drawing.Pose pose(Random random) {
        double scale = Drawing.uniform(random, 0.3, 0.415);
        double room = Math.min(0.07, 0.485 - 1.12 * scale);
        double x = 0.5 + Drawing.uniform(random, -room, room);
        double y = 0.5 + Drawing.uniform(random, -room, room);
        return new Drawing.Pose(x, y, scale, Drawing.uniform(random, -TILT, TILT));
    }
}

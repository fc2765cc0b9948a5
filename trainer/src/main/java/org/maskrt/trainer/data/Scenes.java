package org.maskrt.trainer.data;

import java.util.Arrays;
import java.util.Objects;
import java.util.Random;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;

/**
 * Drawn objects and scenes: a shape of one colour and texture alone, and the same shape turned otherwise, in another light, in a box of a scene
 * with a second shape beside it. Pair {@code i} has the shape of class {@code i % 10} and is a function of the size, the seed and {@code i}
 * alone.
 */
public final class Scenes implements PairSource {
    /** Turn to either side, radians. */
    private static final double TURN = Math.PI / 6;
    /** Of a shape's unit over the side of the box that holds it: no outline reaches further than 1.12 units. */
    private static final double UNIT = 0.44;
    /** The scale that textures are drawn for. */
    private static final double TEXTURE_SCALE = 0.36;

    private final int size;
    private final long seed;
    private final long count;
    private final Drawing drawing;

    /**
     * A set of drawn pairs.
     *
     * @param size side of object pictures and scenes in pixels, at least 16
     * @param seed any number; other seeds give other pairs
     * @param count number of pairs, at least 1
     */
    public Scenes(int size, long seed, long count) {
        if (size < 16 || count < 1) {
            throw new IllegalArgumentException("Scenes: expected size >= 16 and count >= 1, got size " + size
                    + " and count " + count + "; change the data settings");
        }
        this.size = size;
        this.seed = seed;
        this.count = count;
        this.drawing = new Drawing(size);
    }

    /** The size of scenes whose boxes are seen in squares of about {@code square} pixels without much scaling. */
    public static int sizeFor(int square) {
        return 3 * square / 2;
    }

    @Override
    public long count() {
        return count;
    }

    /** The class of the shape of pair {@code index}. */
    public int label(long index) {
        return (int) (index % Drawing.LABELS.size());
    }

    /** A shape with its colours and texture, in its own frame. */
    private record Thing(int label, double hue, float[] ink, float[] inkTwo, Drawing.Pattern fill) {}

    /** What colours are multiplied by. */
    private record Light(double red, double green, double blue) {
        static Light random(Random random) {
            double gain = Drawing.uniform(random, 0.8, 1);
            double warmth = Drawing.uniform(random, -0.08, 0.08);
            return new Light(gain * (1 + Math.min(0, warmth)), gain, gain * (1 - Math.max(0, warmth)));
        }

        double of(int channel) {
            return channel == 0 ? red : channel == 1 ? green : blue;
        }
    }

    @Override
    public Pair get(long index) {
        Objects.checkIndex(index, count);
        Random random = new Random(SplitMix.mix(SplitMix.mix(seed) + index));
        Thing thing = thing(label(index), random);
        float[] paper = Drawing.paper(thing.hue, Drawing.luminance(thing.ink), random);

        Drawing.Pose alone = new Drawing.Pose(0.5, 0.5, UNIT, Drawing.uniform(random, -TURN, TURN));
        float[] covered = drawing.coverage(thing.label, alone);
        float[] object = new float[3 * size * size];
        Arrays.fill(object, 1);
        paint(object, thing, alone, covered, Light.random(random));

        float[] scene = ground(paper, random);
        int side = (int) Math.round(size * Drawing.uniform(random, 0.36, 0.5));
        Box box = new Box(random.nextInt(size - side + 1), random.nextInt(size - side + 1), side, side);
        beside(scene, box, random);
        Drawing.Pose placed = new Drawing.Pose(
                (box.x() + side / 2.0) / size,
                (box.y() + side / 2.0) / size,
                UNIT * side / size,
                Drawing.uniform(random, -TURN, TURN));
        paint(scene, thing, placed, drawing.coverage(thing.label, placed), Light.random(random));
        return new Pair(picture(object), mask(covered), picture(scene), box);
    }

    private Thing thing(int label, Random random) {
        double hue = random.nextDouble();
        float[] ink = Drawing.hsv(hue, Drawing.uniform(random, 0.75, 1), Drawing.uniform(random, 0.8, 1));
        Drawing.Pattern fill = drawing.fill(random, Drawing.luminance(ink) > 0.5);
        return new Thing(label, hue, ink, Drawing.shade(ink, fill.contrast()), fill);
    }

    private float[] ground(float[] paper, Random random) {
        Drawing.Pattern pattern = drawing.ground(random);
        float[] two = Drawing.shade(paper, pattern.contrast());
        float[] rgb = new float[3 * size * size];
        for (int i = 0; i < size * size; i++) {
            double g = pattern.at((i % size + 0.5) / size - 0.5, (Math.floorDiv(i, size) + 0.5) / size - 0.5);
            for (int c = 0; c < 3; c++) {
                rgb[3 * i + c] = (float) (paper[c] + g * (two[c] - paper[c]));
            }
        }
        return rgb;
    }

    /** A second shape in the widest corner that the box leaves. */
    private void beside(float[] scene, Box box, Random random) {
        Thing other = thing(random.nextInt(Drawing.LABELS.size()), random);
        int left = box.x();
        int right = size - box.x() - box.width();
        int room = Math.max(left, right);
        double scale = 0.4 * room / size;
        double middle = (left >= right ? room / 2.0 : size - room / 2.0) / size;
        double y = Drawing.uniform(random, 1.12 * scale, 1 - 1.12 * scale);
        Drawing.Pose pose = new Drawing.Pose(middle, y, scale, Drawing.uniform(random, -TURN, TURN));
        paint(scene, other, pose, drawing.coverage(other.label, pose), Light.random(random));
    }

    private void paint(float[] rgb, Thing thing, Drawing.Pose pose, float[] coverage, Light light) {
        double cos = Math.cos(pose.angle());
        double sin = Math.sin(pose.angle());
        double shrink = TEXTURE_SCALE / pose.scale();
        for (int i = 0; i < size * size; i++) {
            if (coverage[i] == 0) {
                continue;
            }
            double dx = ((i % size + 0.5) / size - pose.x()) * shrink;
            double dy = ((Math.floorDiv(i, size) + 0.5) / size - pose.y()) * shrink;
            double f = thing.fill.at(cos * dx + sin * dy, cos * dy - sin * dx);
            for (int c = 0; c < 3; c++) {
                double level = (thing.ink[c] + f * (thing.inkTwo[c] - thing.ink[c])) * light.of(c);
                rgb[3 * i + c] += (float) (coverage[i] * (level - rgb[3 * i + c]));
            }
        }
    }

    private RgbImage picture(float[] rgb) {
        RgbImage image = new RgbImage(size, size);
        for (int i = 0; i < rgb.length; i++) {
            image.pixels()[i] = (byte) Math.round(255 * Math.max(0, Math.min(1, rgb[i])));
        }
        return image;
    }

    private Mask mask(float[] coverage) {
        byte[] values = new byte[size * size];
        for (int i = 0; i < values.length; i++) {
            values[i] = (byte) Math.round(255 * coverage[i]);
        }
        return new Mask(size, size, values);
    }
}

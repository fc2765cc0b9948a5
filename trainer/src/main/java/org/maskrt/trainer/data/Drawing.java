package org.maskrt.trainer.data;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Area;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Random;

/** Outlines, patterns and colours of the drawn data sets, for square pictures of one size. */
final class Drawing {
    /** Names of the outlines. */
    static final List<String> LABELS =
            List.of("disc", "ring", "square", "triangle", "star", "cross", "crescent", "heart", "arrow", "bolt");

    private final int size;
    private final List<Shape> outlines = List.of(
            disc(0.88),
            ring(),
            polygon(0.78, 0.78, -0.78, 0.78, -0.78, -0.78, 0.78, -0.78),
            regular(3, 1.12, 1.12),
            regular(5, 1.12, 0.47),
            cross(),
            crescent(),
            heart(),
            polygon(1.1, 0, 0.2, 0.85, 0.2, 0.36, -1.05, 0.36, -1.05, -0.36, 0.2, -0.36, 0.2, -0.85),
            polygon(0.45, -1.1, -0.78, 0.24, -0.1, 0.24, -0.45, 1.1, 0.78, -0.28, 0.1, -0.28));

    Drawing(int size) {
        this.size = size;
    }

    /**
     * Where a shape lies.
     *
     * @param x of its middle, in pictures from the left
     * @param y of its middle, in pictures from the top
     * @param scale of its unit, in pictures
     * @param angle it is turned by, radians
     */
    record Pose(double x, double y, double scale, double angle) {}

    /** How much of each pixel a shape covers, [S*S] in [0,1]. */
    float[] coverage(int label, Pose pose) {
        AffineTransform place = AffineTransform.getTranslateInstance(size * pose.x, size * pose.y);
        place.scale(size * pose.scale, size * pose.scale);
        place.rotate(pose.angle);
        BufferedImage image = new BufferedImage(size, size, BufferedImage.TYPE_INT_ARGB);
        Graphics2D g = image.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        g.setColor(Color.WHITE);
        g.fill(place.createTransformedShape(outlines.get(label)));
        g.dispose();
        int[] argb = image.getRGB(0, 0, size, size, null, 0, size);
        float[] coverage = new float[argb.length];
        for (int i = 0; i < argb.length; i++) {
            coverage[i] = (argb[i] >>> 24) / 255f;
        }
        return coverage;
    }

    /** A scalar field in [0,1] over the picture, {@code u, v} in [-0.5,0.5], that mixes two shades. */
    interface Field {
        double at(double u, double v);
    }

    record Pattern(Field field, double contrast) {
        double at(double u, double v) {
            return field.at(u, v);
        }
    }

    /** The second tone goes away from the background, which keeps every part of the outline clear. */
    Pattern fill(Random random, boolean towardsWhite) {
        double angle = uniform(random, 0, Math.PI);
        double cos = Math.cos(angle);
        double sin = Math.sin(angle);
        double phase = uniform(random, 0, 1);
        double contrast = towardsWhite ? 0.5 : -0.45;
        return switch (random.nextInt(4)) {
            case 0 -> new Pattern((u, v) -> 0, 0);
            case 1 -> {
                double period = uniform(random, 0.17, 0.23);
                yield new Pattern((u, v) -> wave((u * cos + v * sin) / period + phase, period), contrast);
            }
            case 2 -> {
                double period = uniform(random, 0.19, 0.23);
                yield new Pattern(
                        (u, v) -> {
                            double p = centred((u * cos + v * sin) / period + phase) * period;
                            double q = centred((v * cos - u * sin) / period + phase) * period;
                            return edge(0.3 * period - Math.sqrt(p * p + q * q));
                        },
                        contrast);
            }
            default -> new Pattern((u, v) -> Math.min(1, 2.4 * Math.sqrt(u * u + v * v)), contrast * 1.25);
        };
    }

    Pattern ground(Random random) {
        double angle = uniform(random, 0, Math.PI);
        double cos = Math.cos(angle);
        double sin = Math.sin(angle);
        double phase = uniform(random, 0, 1);
        double period = uniform(random, 0.3, 0.42);
        double contrast = (random.nextBoolean() ? 1 : -1) * 0.13;
        return switch (random.nextInt(4)) {
            case 0 -> new Pattern((u, v) -> 0, 0);
            case 1 -> new Pattern((u, v) -> 0.5 + 0.7 * (u * cos + v * sin), contrast * 2.5);
            case 2 -> new Pattern((u, v) -> wave((u * cos + v * sin) / period + phase, period), contrast);
            default ->
                new Pattern(
                        (u, v) -> {
                            double p = wave((u * cos + v * sin) / period + phase, period);
                            double q = wave((v * cos - u * sin) / period + phase, period);
                            return p + q - 2 * p * q;
                        },
                        contrast);
        };
    }

    /** Bands of equal width with edges one pixel soft; {@code turns} counts periods of {@code period} pictures. */
    private double wave(double turns, double period) {
        return edge((0.25 - Math.abs(centred(turns))) * period);
    }

    private double edge(double inside) {
        return Math.max(0, Math.min(1, 0.5 + inside * size / 1.5));
    }

    private static double centred(double turns) {
        return turns - Math.rint(turns);
    }

    /** A background far from the ink both in hue and in luminance, so that the outline is always plain to see. */
    static float[] paper(double inkHue, double inkLuminance, Random random) {
        double hue = inkHue + uniform(random, 0.3, 0.7);
        boolean dark = inkLuminance > 0.65 || (inkLuminance > 0.48 && random.nextBoolean());
        return dark
                ? hsv(hue, uniform(random, 0.2, 0.7), uniform(random, 0.12, 0.3))
                : hsv(hue, uniform(random, 0.04, 0.3), uniform(random, 0.86, 1));
    }

    /** Towards white by {@code amount}, or towards black by {@code -amount}. */
    static float[] shade(float[] rgb, double amount) {
        float[] out = new float[3];
        for (int c = 0; c < 3; c++) {
            out[c] = (float) (amount > 0 ? rgb[c] + amount * (1 - rgb[c]) : rgb[c] * (1 + amount));
        }
        return out;
    }

    static double luminance(float[] rgb) {
        return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    }

    static float[] hsv(double hue, double saturation, double value) {
        float[] rgb = new float[3];
        for (int c = 0; c < 3; c++) {
            double distance = Math.abs(centred(hue - c / 3.0)) * 6;
            double pure = Math.max(0, Math.min(1, 2 - distance));
            rgb[c] = (float) (value * (1 - saturation * (1 - pure)));
        }
        return rgb;
    }

    static double uniform(Random random, double from, double to) {
        return from + (to - from) * random.nextDouble();
    }

    private static Shape disc(double radius) {
        return new Ellipse2D.Double(-radius, -radius, 2 * radius, 2 * radius);
    }

    private static Shape ring() {
        Area area = new Area(disc(0.95));
        area.subtract(new Area(disc(0.5)));
        return area;
    }

    private static Shape crescent() {
        Area area = new Area(disc(1));
        area.subtract(new Area(new Ellipse2D.Double(-0.36, -0.8, 1.6, 1.6)));
        return area;
    }

    private static Shape cross() {
        double a = 1.02;
        double b = 0.33;
        return polygon(b, a, -b, a, -b, b, -a, b, -a, -b, -b, -b, -b, -a, b, -a, b, -b, a, -b, a, b, b, b);
    }

    private static Shape heart() {
        Path2D.Double path = new Path2D.Double();
        path.moveTo(0, 1.0);
        path.curveTo(-0.35, 0.62, -1.08, 0.2, -1.08, -0.36);
        path.curveTo(-1.08, -1.0, -0.25, -1.08, 0, -0.45);
        path.curveTo(0.25, -1.08, 1.08, -1.0, 1.08, -0.36);
        path.curveTo(1.08, 0.2, 0.35, 0.62, 0, 1.0);
        path.closePath();
        return path;
    }

    /** A polygon or star of {@code points} tips at radius {@code outer}, with its edges' middles at {@code inner}. */
    private static Shape regular(int points, double outer, double inner) {
        boolean star = inner < outer;
        int n = star ? 2 * points : points;
        double[] xy = new double[2 * n];
        for (int i = 0; i < n; i++) {
            double r = star && i % 2 == 1 ? inner : outer;
            double angle = 2 * Math.PI * i / n;
            xy[2 * i] = r * Math.sin(angle);
            xy[2 * i + 1] = -r * Math.cos(angle);
        }
        return polygon(xy);
    }

    private static Shape polygon(double... xy) {
        Path2D.Double path = new Path2D.Double();
        path.moveTo(xy[0], xy[1]);
        for (int i = 2; i < xy.length; i += 2) {
            path.lineTo(xy[i], xy[i + 1]);
        }
        path.closePath();
        return path;
    }
}

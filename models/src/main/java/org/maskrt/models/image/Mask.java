package org.maskrt.models.image;

import java.util.Arrays;

/** How much of each pixel is meant: bytes [H,W], unsigned, 255 for all of it. The array is not copied. */
public record Mask(int width, int height, byte[] values) {
    private static final int HALF = 128;

    /** @throws IllegalArgumentException if the length does not fit the size */
    public Mask {
        if (width < 1 || height < 1 || values.length != (long) width * height) {
            throw new IllegalArgumentException("a mask of " + width + " x " + height + " needs " + (long) width * height
                    + " bytes, got " + values.length);
        }
    }

    /** A mask of {@code box} alone. */
    public static Mask of(int width, int height, Box box) {
        byte[] values = new byte[width * height];
        for (int y = Math.max(0, box.y()); y < Math.min(height, box.y() + box.height()); y++) {
            int from = Math.max(0, box.x());
            int to = Math.min(width, box.x() + box.width());
            Arrays.fill(values, y * width + from, y * width + Math.max(from, to), (byte) 255);
        }
        return new Mask(width, height, values);
    }

    /** The brightness of a picture: white is meant, black is not. */
    public static Mask of(RgbImage image) {
        byte[] values = new byte[image.width() * image.height()];
        for (int i = 0; i < values.length; i++) {
            int sum = 0;
            for (int c = 0; c < 3; c++) {
                sum += Byte.toUnsignedInt(image.pixels()[3 * i + c]);
            }
            values[i] = (byte) (sum / 3);
        }
        return new Mask(image.width(), image.height(), values);
    }

    /** The share of a pixel that is meant, 0 to 255. */
    public int at(int x, int y) {
        return Byte.toUnsignedInt(values[y * width + x]);
    }

    /** Whether at least half of a pixel is meant. */
    public boolean holds(int x, int y) {
        return at(x, y) >= HALF;
    }

    /** Whether no pixel is meant. */
    public boolean isEmpty() {
        for (byte value : values) {
            if (Byte.toUnsignedInt(value) >= HALF) {
                return false;
            }
        }
        return true;
    }

    /** The mask as a grey picture. */
    public RgbImage image() {
        RgbImage image = new RgbImage(width, height);
        for (int i = 0; i < values.length; i++) {
            Arrays.fill(image.pixels(), 3 * i, 3 * i + 3, values[i]);
        }
        return image;
    }

    /**
     * The smallest box that holds every pixel that is meant.
     *
     * @throws IllegalArgumentException if none is
     */
    public Box bounds() {
        int left = width;
        int top = height;
        int right = -1;
        int bottom = -1;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                if (holds(x, y)) {
                    left = Math.min(left, x);
                    right = Math.max(right, x);
                    top = Math.min(top, y);
                    bottom = Math.max(bottom, y);
                }
            }
        }
        if (right < 0) {
            throw new IllegalArgumentException("the mask is empty");
        }
        return new Box(left, top, right - left + 1, bottom - top + 1);
    }
}

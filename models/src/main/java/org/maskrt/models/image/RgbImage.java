package org.maskrt.models.image;

import java.util.Arrays;
import java.util.Objects;

/** A picture of 8 bits a channel: bytes [H,W,3], unsigned, red first. The array is not copied. */
public final class RgbImage {
    private static final int CHANNELS = 3;

    private final int width;
    private final int height;
    private final byte[] pixels;

    /**
     * The picture of these bytes.
     *
     * @param pixels [H,W,3]
     * @throws IllegalArgumentException if the length does not fit the size
     */
    public RgbImage(int width, int height, byte[] pixels) {
        if (width < 1 || height < 1 || pixels.length != (long) width * height * CHANNELS) {
            throw new IllegalArgumentException("an image of " + width + " x " + height + " needs "
                    + (long) width * height * CHANNELS + " bytes, got " + pixels.length);
        }
        this.width = width;
        this.height = height;
        this.pixels = pixels;
    }

    /** A black picture. */
    public RgbImage(int width, int height) {
        this(width, height, new byte[Math.multiplyExact(Math.multiplyExact(width, height), CHANNELS)]);
    }

    /**
     * The picture of values in [-1, 1], rounded to the nearest of 256 levels; values outside are clamped.
     *
     * @param values [3,H,W] from {@code offset} on
     */
    public static RgbImage of(float[] values, int offset, int width, int height) {
        RgbImage image = new RgbImage(width, height);
        int plane = width * height;
        Objects.checkFromIndexSize(offset, CHANNELS * plane, values.length);
        for (int i = 0; i < plane; i++) {
            for (int c = 0; c < CHANNELS; c++) {
                double level = Math.floor((values[offset + c * plane + i] + 1.0) * 127.5 + 0.5);
                image.pixels[i * CHANNELS + c] = (byte) Math.max(0, Math.min(255, level));
            }
        }
        return image;
    }

    public int width() {
        return width;
    }

    public int height() {
        return height;
    }

    /** The bytes [H,W,3], not copied. */
    public byte[] pixels() {
        return pixels;
    }

    /** Writes the values {@code byte / 127.5 - 1}, in [-1, 1], as [3,H,W] from {@code offset} on. */
    public void toFloats(float[] out, int offset) {
        int plane = width * height;
        Objects.checkFromIndexSize(offset, CHANNELS * plane, out.length);
        for (int i = 0; i < plane; i++) {
            for (int c = 0; c < CHANNELS; c++) {
                out[offset + c * plane + i] = Byte.toUnsignedInt(pixels[i * CHANNELS + c]) / 127.5f - 1;
            }
        }
    }

    /** The picture with left and right swapped. */
    public RgbImage flipHorizontally() {
        RgbImage flipped = new RgbImage(width, height);
        for (int i = 0; i < width * height; i++) {
            int mirrored = i - i % width + width - 1 - i % width;
            System.arraycopy(pixels, i * CHANNELS, flipped.pixels, mirrored * CHANNELS, CHANNELS);
        }
        return flipped;
    }

    /** A rectangle of this picture; what lies beyond the picture is of the grey level {@code beyond}, 0 to 255. */
    public RgbImage crop(Box box, int beyond) {
        RgbImage cropped = new RgbImage(box.width(), box.height());
        Arrays.fill(cropped.pixels, (byte) beyond);
        int left = Math.max(0, box.x());
        int right = Math.min(width, box.x() + box.width());
        for (int y = Math.max(0, box.y()); y < Math.min(height, box.y() + box.height()) && left < right; y++) {
            System.arraycopy(
                    pixels,
                    (y * width + left) * CHANNELS,
                    cropped.pixels,
                    ((y - box.y()) * box.width() + left - box.x()) * CHANNELS,
                    (right - left) * CHANNELS);
        }
        return cropped;
    }

    /** The part of this picture from (x, y) on. */
    RgbImage crop(int x, int y, int cropWidth, int cropHeight) {
        RgbImage cropped = new RgbImage(cropWidth, cropHeight);
        for (int row = 0; row < cropHeight; row++) {
            System.arraycopy(
                    pixels,
                    ((y + row) * width + x) * CHANNELS,
                    cropped.pixels,
                    row * cropWidth * CHANNELS,
                    cropWidth * CHANNELS);
        }
        return cropped;
    }

    /** Copies {@code image} into this one, its upper left corner at (x, y). */
    public void paste(RgbImage image, int x, int y) {
        for (int row = 0; row < image.height; row++) {
            System.arraycopy(
                    image.pixels,
                    row * image.width * CHANNELS,
                    pixels,
                    ((y + row) * width + x) * CHANNELS,
                    image.width * CHANNELS);
        }
    }

    /** Fills a rectangle with a grey level, 0 to 255. */
    public void fill(int x, int y, int fillWidth, int fillHeight, int grey) {
        for (int row = y; row < y + fillHeight; row++) {
            int from = (row * width + x) * CHANNELS;
            Arrays.fill(pixels, from, from + fillWidth * CHANNELS, (byte) grey);
        }
    }
}

package org.maskrt.models.image;

/**
 * A rectangle of pixels; it may reach beyond a picture.
 *
 * @param x of the left column
 * @param y of the top row
 * @param width of it
 * @param height of it
 */
public record Box(int x, int y, int width, int height) {
    /** @throws IllegalArgumentException if it is empty */
    public Box {
        if (width < 1 || height < 1) {
            throw new IllegalArgumentException("expected a box of at least one pixel, got " + width + " x " + height);
        }
    }

    /** Whether all of it is inside a picture. */
    public boolean isInside(int pictureWidth, int pictureHeight) {
        return x >= 0 && y >= 0 && x + width <= pictureWidth && y + height <= pictureHeight;
    }
}

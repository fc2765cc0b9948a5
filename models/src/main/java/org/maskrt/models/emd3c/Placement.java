package org.maskrt.models.emd3c;

import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;

/**
 * Where an object goes: a box of a scene, and the square of the scene around it that an E-MD3C sees. Training and sampling cut their pictures
 * here, in the same way.
 *
 * @param box in the scene's pixels, that the object is drawn into
 * @param crop square, in the scene's pixels; it holds the box, and reaches beyond the scene only where a box needs it to
 */
public record Placement(Box box, Box crop) {
    /** The side of the square over the longer side of the box, where the scene has room for it. */
    private static final double CONTEXT = 1.5;
    /** Of the blanked box, and of what lies beyond the scene: the middle of the range. */
    private static final int BLANK = 128;

    private static final int WHITE = 255;

    /**
     * The placement of a box.
     *
     * @throws MaskRtException (USAGE) if the box is not inside the scene
     */
    public static Placement of(RgbImage scene, Box box) {
        if (!box.isInside(scene.width(), scene.height())) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "expected a box inside the scene of " + scene.width() + " x " + scene.height() + ", got "
                            + box.width() + " x " + box.height() + " at (" + box.x() + ", " + box.y()
                            + "); move it or make it smaller");
        }
        int longer = Math.max(box.width(), box.height());
        int side = Math.max(longer, Math.min((int) (CONTEXT * longer), Math.min(scene.width(), scene.height())));
        return new Placement(
                box,
                new Box(
                        start(box.x(), box.width(), side, scene.width()),
                        start(box.y(), box.height(), side, scene.height()),
                        side,
                        side));
    }

    /** Where {@code side} pixels begin that have the box in their middle, or as near to it as the scene allows. */
    private static int start(int at, int length, int side, int limit) {
        int centred = at + (length - side) / 2;
        return side > limit ? centred : Math.max(0, Math.min(centred, limit - side));
    }

    /** What the model is to draw: the square of the scene, {@code size} pixels wide. */
    public RgbImage target(RgbImage scene, int size) {
        return Images.resize(scene.crop(crop, BLANK), size, size);
    }

    /** The square of the scene with the box blanked, {@code size} pixels wide. */
    public RgbImage hint(RgbImage scene, int size) {
        RgbImage hint = target(scene, size);
        Box b = scaled(size);
        hint.fill(b.x(), b.y(), b.width(), b.height(), BLANK);
        return hint;
    }

    /** The box, white on black, {@code size} pixels wide. */
    public RgbImage boxPicture(int size) {
        return Mask.of(size, size, scaled(size)).image();
    }

    /** The box in the square when that has {@code size} pixels, widened to whole pixels. */
    public Box scaled(int size) {
        double scale = (double) size / crop.width();
        int left = (int) Math.floor((box.x() - crop.x()) * scale);
        int top = (int) Math.floor((box.y() - crop.y()) * scale);
        int right = (int) Math.ceil((box.x() + box.width() - crop.x()) * scale);
        int bottom = (int) Math.ceil((box.y() + box.height() - crop.y()) * scale);
        return new Box(left, top, Math.min(size, right) - left, Math.min(size, bottom) - top);
    }

    /** The scene with what was drawn in the box; every pixel outside the box stays as it is. */
    public RgbImage paste(RgbImage scene, RgbImage drawn) {
        RgbImage square = Images.resize(drawn, crop.width(), crop.height());
        RgbImage inBox = square.crop(new Box(box.x() - crop.x(), box.y() - crop.y(), box.width(), box.height()), BLANK);
        RgbImage out =
                new RgbImage(scene.width(), scene.height(), scene.pixels().clone());
        out.paste(inBox, box.x(), box.y());
        return out;
    }

    /**
     * The object alone: cut out by its mask, on white, in the middle of a square of {@code size} pixels.
     *
     * @throws MaskRtException (USAGE) if the mask is empty or of another size
     */
    public static RgbImage object(RgbImage picture, Mask mask, int size) {
        requireMask(picture, mask);
        Box bounds = mask.bounds();
        int side = Math.max(bounds.width(), bounds.height());
        RgbImage onWhite = new RgbImage(picture.width(), picture.height());
        for (int i = 0; i < picture.width() * picture.height(); i++) {
            int share = Byte.toUnsignedInt(mask.values()[i]);
            for (int c = 0; c < 3; c++) {
                int level = Byte.toUnsignedInt(picture.pixels()[3 * i + c]);
                onWhite.pixels()[3 * i + c] = (byte) ((share * level + (WHITE - share) * WHITE + WHITE / 2) / WHITE);
            }
        }
        Box square = new Box(
                bounds.x() - (side - bounds.width()) / 2, bounds.y() - (side - bounds.height()) / 2, side, side);
        return Images.resize(onWhite.crop(square, WHITE), size, size);
    }

    /** @throws MaskRtException (USAGE) if the mask is empty or not of the picture's size */
    public static void requireMask(RgbImage picture, Mask mask) {
        if (mask.width() != picture.width() || mask.height() != picture.height()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "expected an object and its mask to have one size, got " + picture.width() + " x "
                            + picture.height() + " and " + mask.width() + " x " + mask.height()
                            + "; crop or resize one of them");
        }
        if (mask.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE, "the mask of the object is empty; make it white where the object is");
        }
    }
}

package org.maskrt.trainer.data;

import org.maskrt.models.image.Box;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;

/**
 * An object, and a scene that holds it.
 *
 * @param object a picture of the object
 * @param mask of the same size: where the object is
 * @param target the scene with the object, seen otherwise than in its own picture
 * @param box where in the scene the object is, in the scene's pixels
 */
public record Pair(RgbImage object, Mask mask, RgbImage target, Box box) {}

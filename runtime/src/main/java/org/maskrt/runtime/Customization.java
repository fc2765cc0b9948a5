package org.maskrt.runtime;

import org.maskrt.models.emd3c.Placement;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;

/**
 * An object to be drawn into a scene.
 *
 * @param object a picture of the object
 * @param mask of the same size: where the object is
 * @param scene of any size
 * @param box in the scene's pixels, that the object is to fill
 */
public record Customization(RgbImage object, Mask mask, RgbImage scene, Box box) {
    /** @throws org.maskrt.models.MaskRtException (USAGE) if the box is not inside the scene, or the mask does not fit the object */
    public Customization {
        Placement.of(scene, box);
        Placement.requireMask(object, mask);
    }

    /** Where the object goes. */
    Placement placement() {
        return Placement.of(scene, box);
    }
}

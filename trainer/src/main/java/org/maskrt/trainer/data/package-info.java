/**
 * Training data. Letters in shapes: B images, C channels, S the side of the square pictures in pixels.
 */
@NullMarked
package org.maskrt.trainer.data;

import org.jspecify.annotations.NullMarked;

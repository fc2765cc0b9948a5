/** The layers that the model families share. */
@NullMarked
package org.maskrt.models.layers;

import org.jspecify.annotations.NullMarked;

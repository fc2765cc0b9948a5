/** The autoencoder between pictures and latents. */
@NullMarked
package org.maskrt.models.vae;

import org.jspecify.annotations.NullMarked;

/** DINOv2 (Oquab et al., 2023; with registers, Darcet et al., 2023): features of pictures. M is the side of the grid of trained positions. */
@NullMarked
package org.maskrt.models.dinov2;

import org.jspecify.annotations.NullMarked;

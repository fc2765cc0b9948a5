/** Image files: reading, cropping and writing pictures, labelled grids, and the archives that evaluators read. */
@NullMarked
package org.maskrt.models.image;

import org.jspecify.annotations.NullMarked;

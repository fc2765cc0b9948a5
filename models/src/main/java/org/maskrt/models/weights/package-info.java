/** Weights on disk: safetensors files, their checks, and the model folder that every command reads and writes. */
@NullMarked
package org.maskrt.models.weights;

import org.jspecify.annotations.NullMarked;

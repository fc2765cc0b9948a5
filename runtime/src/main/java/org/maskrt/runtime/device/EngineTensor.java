package org.maskrt.runtime.device;

import org.maskrt.models.ops.Shape;
import org.maskrt.runtime.TensorSpec;

/**
 * An input or output of an engine.
 *
 * @param spec its name, type and shape; a dimension is negative where the engine takes several lengths
 * @param least the smallest shape that it was built for; that of {@code spec} for outputs
 * @param most the largest shape that it was built for; that of {@code spec} for outputs
 */
public record EngineTensor(TensorSpec spec, Shape least, Shape most) {}

package org.maskrt.runtime;

import org.maskrt.models.ops.Shape;
import org.maskrt.runtime.device.Region;

/** An input or output of an engine's run, with its shape and place. */
record BoundTensor(String name, Shape shape, Region region) {}

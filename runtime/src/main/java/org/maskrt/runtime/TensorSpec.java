package org.maskrt.runtime;

import java.util.Locale;
import org.maskrt.models.ops.Shape;

/**
 * An input or output of a graph.
 *
 * @param shape may hold the symbols {@link Shape#BATCH} and {@link Shape#STEPS}
 */
public record TensorSpec(String name, ElementType type, Shape shape) {
    /** An fp32 tensor; a negative dimension is a symbol of {@link Shape}. */
    public static TensorSpec fp32(String name, int... dims) {
        return new TensorSpec(name, ElementType.FP32, Shape.of(dims));
    }

    static TensorSpec int64(String name, int... dims) {
        return new TensorSpec(name, ElementType.INT64, Shape.of(dims));
    }

    /** Whether a tensor of {@code other}'s type and shape fits here: symbols take any length. */
    boolean accepts(ElementType otherType, Shape other) {
        if (type != otherType || shape.rank() != other.rank()) {
            return false;
        }
        for (int i = 0; i < shape.rank(); i++) {
            if (shape.dim(i) >= 0 && other.dim(i) >= 0 && shape.dim(i) != other.dim(i)) {
                return false;
            }
        }
        return true;
    }

    @Override
    public String toString() {
        return name + " " + type.name().toLowerCase(Locale.ROOT) + shape;
    }
}

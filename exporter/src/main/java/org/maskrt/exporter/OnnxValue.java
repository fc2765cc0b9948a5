package org.maskrt.exporter;

import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Shape;

/**
 * An edge of a graph: a graph input, the output of a node, or a constant. Its name is settled when the graph is written. A constant becomes an
 * initialiser only if a written node reads it.
 */
public final class OnnxValue {
    private final Shape shape;
    private final OnnxType type;
    private final @Nullable LazyTensor constant;

    OnnxValue(Shape shape, OnnxType type, @Nullable LazyTensor constant) {
        this.shape = shape;
        this.type = type;
        this.constant = constant;
    }

    static OnnxValue of(Shape shape, OnnxType type) {
        return new OnnxValue(shape, type, null);
    }

    public Shape shape() {
        return shape;
    }

    public OnnxType type() {
        return type;
    }

    public boolean isConstant() {
        return constant != null;
    }

    @Nullable
    LazyTensor constant() {
        return constant;
    }

    @Override
    public String toString() {
        return type + shape.toString();
    }
}

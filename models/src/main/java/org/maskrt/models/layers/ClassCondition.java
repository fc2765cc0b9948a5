package org.maskrt.models.layers;

import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/** The condition of class-conditional models: timestep embedding plus label embedding, whose last row is the null class. */
public final class ClassCondition {
    private ClassCondition() {}

    /** [B] and [B] to [B,D]. */
    public static <T> T of(Ops<T> ops, Params<T> p, T timestep, T label, int numClasses, int width) {
        T time = TimestepEmbedder.embed(ops, p.at("t_embedder"), timestep, width);
        return ops.add(time, label(ops, p, label, numClasses, width));
    }

    /** Every pair: [S] and [B] to [S,B,D]. */
    public static <T> T ofAll(Ops<T> ops, Params<T> p, T timesteps, T labels, int numClasses, int width) {
        T time = TimestepEmbedder.embed(ops, p.at("t_embedder"), timesteps, width);
        T name = label(ops, p, labels, numClasses, width);
        return ops.add(
                ops.reshape(time, ops.shape(timesteps).dim(0), 1, width), ops.reshape(name, 1, Shape.BATCH, width));
    }

    private static <T> T label(Ops<T> ops, Params<T> p, T label, int numClasses, int width) {
        return ops.rows(p.get("y_embedder.embedding_table.weight", numClasses + 1, width), label);
    }
}

package org.maskrt.models.weights;

import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/**
 * Named tensors, read one at a time: from a file, from memory, or made on demand. All implementations may be read by several threads at once.
 * Every method with a key throws {@link IllegalArgumentException} if there is no such key.
 */
public interface Weights extends AutoCloseable {
    /** Where they come from, for messages: a path as a rule. */
    String origin();

    /** In the order of the data. */
    Set<String> keys();

    Shape shape(String key);

    /** As stored; a tensor of it is fp32 or int64 all the same. */
    DType dtype(String key);

    /** fp32 values (converted from whatever is stored), or int64 indices. A fresh copy, unless the weights are in memory. */
    Tensor tensor(String key);

    /**
     * Values {@code from} to {@code from + count} of a tensor, row-major, so that a large one can be streamed.
     *
     * @throws IllegalArgumentException if the key holds indices
     */
    default void read(String key, int from, float[] target, int count) {
        System.arraycopy(tensor(key).values(), from, target, 0, count);
    }

    /**
     * The fp32 values of a tensor where they lie, in the machine's byte order, for reading without a copy until these weights are closed;
     * null where they are stored otherwise, and must be {@linkplain #read read}.
     */
    default @Nullable ByteBuffer view(String key) {
        return null;
    }

    /** Gives back what memory a file takes until the next reading; {@linkplain #view views} end. */
    default void release() {}

    /** Releases the file, if there is one; reading afterwards throws {@link IllegalStateException}. */
    @Override
    default void close() {}

    /** For a model's {@link Params}: checks the shape. */
    default Params.Source<Tensor> source() {
        return (path, wanted) -> {
            Shape have = shape(path);
            if (!have.equals(wanted)) {
                throw new IllegalArgumentException(
                        origin() + ": '" + path + "' has the shape " + have + ", the model needs " + wanted);
            }
            return tensor(path);
        };
    }

    /** The bytes that these weights take when stored as they are. */
    default long bytes() {
        return keys().stream()
                .mapToLong(k -> (long) shape(k).size() * dtype(k).bytes())
                .sum();
    }

    /** In memory; nothing is copied. */
    static Weights of(String origin, Map<String, Tensor> tensors) {
        Map<String, Tensor> held = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
        return new Weights() {
            @Override
            public String origin() {
                return origin;
            }

            @Override
            public Set<String> keys() {
                return held.keySet();
            }

            @Override
            public Shape shape(String key) {
                return tensor(key).shape();
            }

            @Override
            public DType dtype(String key) {
                return tensor(key).isIndices() ? DType.I64 : DType.F32;
            }

            @Override
            public Tensor tensor(String key) {
                Tensor tensor = held.get(key);
                if (tensor == null) {
                    throw new IllegalArgumentException(origin + " has no tensor '" + key + "'");
                }
                return tensor;
            }
        };
    }

    /** fp32 weights made when asked for, so that a file larger than the heap can be written from them. */
    static Weights lazy(String origin, Map<String, Shape> shapes, Params.Source<Tensor> source) {
        Map<String, Shape> held = Collections.unmodifiableMap(new LinkedHashMap<>(shapes));
        return new Weights() {
            @Override
            public String origin() {
                return origin;
            }

            @Override
            public Set<String> keys() {
                return held.keySet();
            }

            @Override
            public Shape shape(String key) {
                Shape shape = held.get(key);
                if (shape == null) {
                    throw new IllegalArgumentException(origin + " has no tensor '" + key + "'");
                }
                return shape;
            }

            @Override
            public DType dtype(String key) {
                return DType.F32;
            }

            @Override
            public Tensor tensor(String key) {
                return source.get(key, shape(key));
            }
        };
    }

    /**
     * These under other names. A tensor may be the rows of several, joined in order, and may leave out axes of length 1 at its end.
     *
     * @param names what each tensor is made of
     */
    default Weights renamed(Map<String, Renaming> names) {
        return new RenamedWeights(this, names);
    }

    /**
     * What a renamed tensor is made of.
     *
     * @param keys the stored tensors whose rows it has
     * @param rank how many of their axes it has
     */
    record Renaming(List<String> keys, int rank) {
        public Renaming {
            keys = List.copyOf(keys);
        }
    }
}

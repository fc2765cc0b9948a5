package org.maskrt.models.weights;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/** Weights under other names; see {@link Weights#renamed}. */
final class RenamedWeights implements Weights {
    private final Weights stored;
    private final Map<String, Renaming> names;

    RenamedWeights(Weights stored, Map<String, Renaming> names) {
        this.stored = stored;
        this.names = Collections.unmodifiableMap(new LinkedHashMap<>(names));
    }

    @Override
    public String origin() {
        return stored.origin();
    }

    @Override
    public Set<String> keys() {
        return names.keySet();
    }

    @Override
    public Shape shape(String key) {
        Renaming from = from(key);
        int[] dims = stored.shape(from.keys().get(0)).dims();
        while (dims.length > from.rank() && dims[dims.length - 1] == 1) {
            dims = Arrays.copyOf(dims, dims.length - 1);
        }
        if (from.keys().size() > 1) {
            dims[0] = from.keys().stream().mapToInt(k -> stored.shape(k).dim(0)).sum();
        }
        return Shape.of(dims);
    }

    @Override
    public DType dtype(String key) {
        return stored.dtype(from(key).keys().get(0));
    }

    @Override
    public Tensor tensor(String key) {
        List<String> keys = from(key).keys();
        Shape shape = shape(key);
        Tensor first = stored.tensor(keys.get(0));
        if (keys.size() == 1) {
            return first.isIndices()
                    ? Tensor.ofIndices(first.indices(), shape.dims())
                    : Tensor.of(first.values(), shape);
        }
        float[] joined = new float[shape.size()];
        int at = 0;
        for (String part : keys) {
            float[] values = stored.tensor(part).values();
            System.arraycopy(values, 0, joined, at, values.length);
            at += values.length;
        }
        return Tensor.of(joined, shape);
    }

    @Override
    public void read(String key, int from, float[] target, int count) {
        List<String> keys = from(key).keys();
        if (keys.size() == 1) {
            stored.read(keys.get(0), from, target, count);
        } else {
            Weights.super.read(key, from, target, count);
        }
    }

    private Renaming from(String key) {
        Renaming from = names.get(key);
        if (from == null) {
            throw new IllegalArgumentException(origin() + " has no tensor " + Text.quote(key));
        }
        return from;
    }

    @Override
    public void release() {
        stored.release();
    }

    @Override
    public void close() {
        stored.close();
    }
}

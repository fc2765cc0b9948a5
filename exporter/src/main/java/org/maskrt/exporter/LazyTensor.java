package org.maskrt.exporter;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

/**
 * A constant that is computed when it is written and not kept: a weight, literal values, or a function of other constants. So an export holds
 * one tensor at a time, whatever the size of the model.
 */
final class LazyTensor {
    private final TreeSet<String> paths = new TreeSet<>();
    private final List<LazyTensor> parts;
    private final Function<List<Tensor>, Tensor> compute;

    private LazyTensor(List<LazyTensor> parts, Function<List<Tensor>, Tensor> compute) {
        this.parts = List.copyOf(parts);
        this.compute = compute;
        parts.forEach(part -> paths.addAll(part.paths));
    }

    static LazyTensor literal(Tensor value) {
        return new LazyTensor(List.of(), none -> value);
    }

    /** The weight at {@code path}. */
    static LazyTensor weight(String path, Weights weights) {
        LazyTensor weight = new LazyTensor(List.of(), none -> weights.tensor(path));
        weight.paths.add(path);
        return weight;
    }

    static LazyTensor of(List<LazyTensor> parts, Function<List<Tensor>, Tensor> compute) {
        return new LazyTensor(parts, compute);
    }

    /** The same constant under another name. */
    LazyTensor named(String path) {
        LazyTensor named = new LazyTensor(List.of(this), values -> values.get(0));
        named.paths.clear();
        named.paths.add(path);
        return named;
    }

    /** The parameter that this is, or is made of; null if there is none or are several. */
    @Nullable
    String path() {
        return paths.size() == 1 ? paths.first() : null;
    }

    Tensor evaluate() {
        return evaluate(new HashMap<>());
    }

    private Tensor evaluate(Map<LazyTensor, Tensor> known) {
        Tensor value = known.get(this);
        if (value == null) {
            List<Tensor> values = new ArrayList<>(parts.size());
            for (LazyTensor part : parts) {
                values.add(part.evaluate(known));
            }
            value = compute.apply(values);
            known.put(this, value);
        }
        return value;
    }
}

package org.maskrt.models.ops;

import java.util.function.UnaryOperator;

/**
 * Named weights under a path. Paths are the published {@code state_dict} keys, and name the same thing everywhere: weights files, ONNX
 * initialisers, cost rows, calibration rows, error texts.
 */
public final class Params<T> {
    /** Where weights come from: a file, a trainable store, an ONNX graph. */
    @FunctionalInterface
    public interface Source<T> {
        /**
         * The weight at {@code path}.
         *
         * @throws IllegalArgumentException if there is none, or its shape is another
         */
        T get(String path, Shape shape);
    }

    private final Source<T> source;
    private final String path;

    private Params(Source<T> source, String path) {
        this.source = source;
        this.path = path;
    }

    public static <T> Params<T> of(Source<T> source) {
        return new Params<>(source, "");
    }

    /** The weights below {@code child}, such as {@code at("blocks.3")}. */
    public Params<T> at(String child) {
        return new Params<>(source, join(child));
    }

    public Params<T> at(String list, int index) {
        return at(list + "." + index);
    }

    /** The same weights, but {@code name} is what {@code change} makes of it. */
    public Params<T> with(String name, UnaryOperator<T> change) {
        String changed = join(name);
        return new Params<>(
                (at, shape) -> at.equals(changed) ? change.apply(source.get(at, shape)) : source.get(at, shape), path);
    }

    public T get(String name, int... dims) {
        return source.get(join(name), Shape.of(dims));
    }

    /** Without a trailing dot; empty at the root. */
    public String path() {
        return path;
    }

    private String join(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }
}

package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.pytorch.jni.JniUtils;
import java.nio.FloatBuffer;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/**
 * Where each parameter of a model lies in one flat array. Weights, gradients, moments and averages are then one array each, and an optimiser
 * step is a handful of operations whatever the model.
 */
public final class NdParams {
    private final Map<String, Shape> shapes;
    private final long[] sizes;
    private final int total;

    /** @param shapes of the parameters by path, in the order in which they lie */
    public NdParams(Map<String, Shape> shapes) {
        this.shapes = Collections.unmodifiableMap(new LinkedHashMap<>(shapes));
        this.sizes = shapes.values().stream().mapToLong(Shape::size).toArray();
        long sum = 0;
        for (long n : sizes) {
            sum += n;
        }
        this.total = Math.toIntExact(sum);
    }

    /** The parameters that {@code model} asks for, in the order of the asking; it runs once, on zeros. */
    public static NdParams of(NDManager manager, Consumer<Params<NDArray>> model) {
        Map<String, Shape> asked = new LinkedHashMap<>();
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            model.accept(Params.of((path, shape) -> {
                asked.put(path, shape);
                return manager.zeros(NdOps.shape(shape.dims()));
            }));
        }
        return new NdParams(asked);
    }

    /** By path, in the order in which they lie. */
    public Map<String, Shape> shapes() {
        return shapes;
    }

    /** The number of values, P. */
    public int size() {
        return total;
    }

    /** The tensors as one host array [P]. */
    public float[] flatten(Params.Source<Tensor> source) {
        float[] out = new float[total];
        FloatBuffer buffer = FloatBuffer.wrap(out);
        shapes.forEach((path, shape) -> buffer.put(source.get(path, shape).values()));
        return out;
    }

    /** The inverse of {@link #flatten}. */
    public Map<String, Tensor> unflatten(float[] flat) {
        if (flat.length != total) {
            throw new IllegalArgumentException("the parameters have " + total + " values, got " + flat.length);
        }
        Map<String, Tensor> out = new LinkedHashMap<>();
        FloatBuffer buffer = FloatBuffer.wrap(flat);
        shapes.forEach((path, shape) -> {
            float[] values = new float[shape.size()];
            buffer.get(values);
            out.put(path, Tensor.of(values, shape));
        });
        return out;
    }

    /** Views of an array [P] for a model, of the open scope; gradients flow back into the array. */
    public Params<NDArray> views(NDArray flat) {
        List<NDArray> parts = new NDList(JniUtils.split(NdOps.pt(flat), sizes, 0));
        Map<String, NDArray> byPath = new HashMap<>();
        int i = 0;
        for (Map.Entry<String, Shape> e : shapes.entrySet()) {
            long[] dims = NdOps.shape(e.getValue().dims()).getShape();
            byPath.put(e.getKey(), JniUtils.reshape(NdOps.pt(parts.get(i++)), dims));
        }
        return Params.of((path, shape) -> {
            NDArray x = byPath.get(path);
            if (x == null) {
                throw new IllegalArgumentException("there is no parameter '" + path + "'");
            }
            if (!Objects.equals(shape, shapes.get(path))) {
                throw new IllegalArgumentException("the parameter '" + path + "' has the shape " + shapes.get(path)
                        + ", the model needs " + shape);
            }
            return x;
        });
    }
}

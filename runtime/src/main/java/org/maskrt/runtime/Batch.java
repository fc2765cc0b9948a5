package org.maskrt.runtime;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;

/**
 * What the rows of a batch are made from.
 *
 * @param conditions of each row
 * @param hint [B,C,H,W] of models that have one
 * @param known what is known of each picture, if anything
 */
record Batch(
        Conditions conditions,
        float @Nullable [] hint,
        @Nullable Known known) {
    /** The pictures {@code from} (inclusive) to {@code to} (exclusive) of a request as {@code rows} rows, the last repeated to fill them. */
    @FunctionalInterface
    interface Source {
        Batch rows(int from, int to, int rows);
    }

    /** Rows of classes, around what is known where anything is. */
    static Source classes(Denoiser model, List<Integer> labels, @Nullable Known known) {
        return (from, to, rows) -> {
            int[] classes = new int[rows];
            for (int i = 0; i < rows; i++) {
                classes[i] = labels.get(Math.min(from + i, to - 1));
            }
            return new Batch(Conditions.classes(model, classes), null, known);
        };
    }

    /**
     * Rows of vectors and hints.
     *
     * @param vectors [n,W]
     * @param hints [n,C,H,W]
     */
    static Source vectors(Denoiser model, float[] vectors, float[] hints) {
        int hint = model.hintChannels() * model.inputSize() * model.inputSize();
        return (from, to, rows) -> new Batch(
                Conditions.vectors(model, rows(vectors, model.conditionWidth(), from, to, rows)),
                rows(hints, hint, from, to, rows),
                null);
    }

    private static float[] rows(float[] values, int size, int from, int to, int rows) {
        float[] out = new float[rows * size];
        for (int i = 0; i < rows; i++) {
            System.arraycopy(values, Math.min(from + i, to - 1) * size, out, i * size, size);
        }
        return out;
    }

    int size() {
        return conditions.rows();
    }

    /** Adds the graph input of the hint to {@code inputs}, if the model has one. */
    void bindHint(Denoiser model, TensorPool.Lease tensors, Map<String, DeviceTensor> inputs) {
        if (hint != null) {
            DeviceTensor tensor = tensors.floats(size(), model.hintChannels(), model.inputSize(), model.inputSize());
            tensor.write(hint);
            inputs.put("hint", tensor);
        }
    }

    /** The hint [C,H,W] of row {@code row} to row {@code slot} of {@code target} [B,C,H,W]. */
    void writeHint(int row, DeviceTensor target, int slot) {
        if (hint == null) {
            throw new IllegalStateException("the model reads a hint, and the rows have none");
        }
        int size = hint.length / size();
        target.write(slot * size, hint, row * size, size);
    }

    /** The tokens that are hidden, [B,N,1]: 1 where one is. */
    float[] hidden() {
        if (known == null || known.hidden() == null) {
            throw new IllegalStateException("no token is hidden");
        }
        float[] one = known.hidden();
        float[] out = new float[size() * one.length];
        for (int r = 0; r < size(); r++) {
            System.arraycopy(one, 0, out, r * one.length, one.length);
        }
        return out;
    }
}

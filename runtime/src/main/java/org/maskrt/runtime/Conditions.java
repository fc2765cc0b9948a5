package org.maskrt.runtime;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ops.Shape;

/**
 * What the rows of a batch are conditioned on: classes, or vectors that another network made. Each distinct condition is a column of the
 * modulations; one column is the null condition.
 */
final class Conditions {
    private final String input;
    private final int width;
    private final int[] columns;
    private final int nullColumn;
    private final long[] classes;
    private final float[] vectors;

    private Conditions(String input, int width, int[] columns, int nullColumn, long[] classes, float[] vectors) {
        this.input = input;
        this.width = width;
        this.columns = columns;
        this.nullColumn = nullColumn;
        this.classes = classes;
        this.vectors = vectors;
    }

    /** The class of each row; the null class may be among them. */
    static Conditions classes(Denoiser model, int[] labels) {
        List<Integer> distinct = IntStream.concat(IntStream.of(labels), IntStream.of(model.numClasses()))
                .distinct()
                .boxed()
                .toList();
        return new Conditions(
                GraphSignature.condition(model).name(),
                0,
                IntStream.of(labels).map(distinct::indexOf).toArray(),
                distinct.indexOf(model.numClasses()),
                distinct.stream().mapToLong(Integer::longValue).toArray(),
                new float[0]);
    }

    /** A vector for each row, [rows,W]; the null condition is zeros. */
    static Conditions vectors(Denoiser model, float[] vectors) {
        int width = model.conditionWidth();
        int rows = vectors.length / width;
        return new Conditions(
                GraphSignature.condition(model).name(),
                width,
                IntStream.range(0, rows).toArray(),
                rows,
                new long[0],
                Arrays.copyOf(vectors, vectors.length + width));
    }

    int rows() {
        return columns.length;
    }

    /** Distinct conditions. */
    int count() {
        return width == 0 ? classes.length : vectors.length / width;
    }

    /** The column of a row's condition. */
    int column(int row) {
        return columns[row];
    }

    int nullColumn() {
        return nullColumn;
    }

    /** The graph input that takes conditions. */
    String input() {
        return input;
    }

    /** The class of each row, then the null class. */
    long[] classes() {
        return IntStream.concat(IntStream.of(columns), IntStream.of(nullColumn))
                .mapToLong(c -> classes[c])
                .toArray();
    }

    /** The vector of each row, then the null vector: [rows+1,W]. */
    float[] vectors() {
        return vectors.clone();
    }

    /** The columns {@code from .. from + count} as the graph takes them; those beyond the last repeat it. */
    DeviceTensor tensor(TensorPool.Lease tensors, int from, int count) {
        int[] wanted = IntStream.range(from, from + count)
                .map(c -> Math.min(c, count() - 1))
                .toArray();
        DeviceTensor tensor = width == 0 ? tensors.indices(count) : tensors.floats(count, width);
        write(tensor, wanted);
        return tensor;
    }

    /** The condition of each row, or the null condition for each, as the graph takes them. */
    void writeRows(DeviceTensor target, boolean conditional) {
        write(
                target,
                conditional
                        ? columns
                        : IntStream.generate(() -> nullColumn).limit(rows()).toArray());
    }

    /** A tensor for {@link #writeRows}. */
    DeviceTensor rowTensor(TensorPool.Lease tensors) {
        return width == 0
                ? tensors.indices(rows())
                : tensors.floats(Shape.of(rows(), width).dims());
    }

    private void write(DeviceTensor target, int[] wanted) {
        if (width == 0) {
            target.writeIndices(IntStream.of(wanted).mapToLong(c -> classes[c]).toArray());
            return;
        }
        for (int i = 0; i < wanted.length; i++) {
            target.write(i * width, vectors, wanted[i] * width, width);
        }
    }
}

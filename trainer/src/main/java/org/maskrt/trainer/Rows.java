package org.maskrt.trainer;

import java.util.Arrays;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.ops.Tensor;

/**
 * A part of a batch.
 *
 * @param from its first row
 * @param to the row after its last
 */
record Rows(int from, int to) {
    /** All rows of a batch. */
    static Rows all(int size) {
        return new Rows(0, size);
    }

    int size() {
        return to - from;
    }

    /** These rows of values of {@code batch} rows. */
    float[] of(float[] values, int batch) {
        int row = values.length / batch;
        return size() == batch ? values : Arrays.copyOfRange(values, from * row, to * row);
    }

    /** These rows of a tensor. */
    Tensor of(Tensor tensor) {
        return size() == tensor.dim(0) ? tensor : tensor.rows(from, to);
    }

    /** The plan of these rows. */
    MaskPlan of(MaskPlan plan) {
        return new MaskPlan(of(plan.keep()), of(plan.restore()), of(plan.mask()));
    }
}

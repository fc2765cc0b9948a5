package org.maskrt.trainer.data;

/**
 * The pictures of a source in training order.
 *
 * @param source the pictures
 * @param order over {@code source.count()} pictures
 * @param mirror whether half of the pictures are flipped left to right
 */
public record Batches(ImageSource source, BatchOrder order, boolean mirror) {
    /** @throws IllegalArgumentException if the order is over another number of pictures */
    public Batches {
        if (order.count() != source.count()) {
            throw new IllegalArgumentException("batches: expected an order over the " + source.count()
                    + " pictures of the source, got one over " + order.count());
        }
    }

    /** The batch of step {@code step}: {@code [B,3,S,S]} in [-1,1]. */
    public Batch at(long step) {
        int side = source.size();
        int length = 3 * side * side;
        float[] values = new float[Math.multiplyExact(order.batchSize(), length)];
        long[] labels = new long[order.batchSize()];
        for (int row = 0; row < order.batchSize(); row++) {
            Sample sample = source.get(order.index(step, row));
            labels[row] = sample.label();
            System.arraycopy(sample.chw(), 0, values, row * length, length);
            if (mirror && order.mirrored(step, row)) {
                mirror(values, row * length, length, side);
            }
        }
        return new Batch(step, values, labels);
    }

    /** Reverses each run of {@code width} values among the {@code length} from {@code offset}. */
    static void mirror(float[] values, int offset, int length, int width) {
        for (int line = offset; line < offset + length; line += width) {
            for (int a = line, b = line + width - 1; a < b; a++, b--) {
                float swap = values[a];
                values[a] = values[b];
                values[b] = swap;
            }
        }
    }
}

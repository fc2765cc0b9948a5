package org.maskrt.trainer.data;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** The pictures of a source in training order, decoded a few steps ahead by one background thread. */
public final class Batches implements AutoCloseable {
    private static final int AHEAD = 3;

    private final ImageSource source;
    private final BatchOrder order;
    private final boolean mirror;
    private final Queue<Future<Batch>> ready = new ArrayDeque<>();
    private final ExecutorService reader = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "maskrt-batches");
        thread.setDaemon(true);
        return thread;
    });
    private long step;

    /**
     * Starts to decode.
     *
     * @param source the pictures; it stays the caller's
     * @param order the order, over {@code source.count()} pictures
     * @param mirror whether half of the pictures are flipped left to right
     * @param firstStep the step of the first batch: 0, or where a run resumes
     */
    public Batches(ImageSource source, BatchOrder order, boolean mirror, long firstStep) {
        if (order.count() != source.count()) {
            throw new IllegalArgumentException("batches: expected an order over the " + source.count()
                    + " pictures of the source, got one over " + order.count());
        }
        this.source = source;
        this.order = order;
        this.mirror = mirror;
        this.step = firstStep;
        while (ready.size() < AHEAD) {
            readOneMore();
        }
    }

    /**
     * The batch of the next step, {@code [B,3,S,S]} in [-1,1]; waits for it if need be. What the source throws is thrown
     * here.
     */
    public Batch next() {
        if (reader.isShutdown()) {
            throw new IllegalStateException("batches: closed; open them anew at the step that is wanted");
        }
        readOneMore();
        try {
            return ready.remove().get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            if (e.getCause() instanceof Error cause) {
                throw cause;
            }
            throw new IllegalStateException("batches: step not read", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MaskRtException(ExitCode.INTERRUPTED, "batches: interrupted while waiting for a picture", e);
        }
    }

    private void readOneMore() {
        long k = step++;
        ready.add(reader.submit(() -> batch(source, order, mirror, k)));
    }

    /** The batch of step {@code step}, read now: {@code [B,3,S,S]} in [-1,1]. */
    public static Batch batch(ImageSource source, BatchOrder order, boolean mirror, long step) {
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

    /** Stops the background thread; batches read ahead are dropped. */
    @Override
    public void close() {
        reader.shutdownNow();
        try {
            if (!reader.awaitTermination(10, TimeUnit.SECONDS)) {
                throw new IllegalStateException("batches: a picture is still being read 10 s after close");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

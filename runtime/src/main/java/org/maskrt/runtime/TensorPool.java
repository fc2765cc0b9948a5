package org.maskrt.runtime;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.maskrt.models.ops.Shape;

/**
 * Tensors that outlive a batch: the next one of the same shapes takes them again, so a long run neither allocates nor waits for a garbage
 * collection to give native memory back. What a tensor of the pool holds at first is left over from its last use.
 */
final class TensorPool implements AutoCloseable {
    /** Elements that wait for use at most: 256 MiB of fp32. */
    private static final long IDLE_LIMIT = 1L << 26;

    private final Backend backend;
    private final Deque<DeviceTensor> idle = new ArrayDeque<>();
    private boolean closed;

    TensorPool(Backend backend) {
        this.backend = backend;
    }

    /** The tensors of one batch; closing it gives them back. */
    final class Lease implements AutoCloseable {
        private final List<DeviceTensor> taken = new ArrayList<>();

        DeviceTensor floats(int... dims) {
            return keep(take(ElementType.FP32, Shape.of(dims)));
        }

        DeviceTensor indices(int... dims) {
            return keep(take(ElementType.INT64, Shape.of(dims)));
        }

        private DeviceTensor keep(DeviceTensor tensor) {
            taken.add(tensor);
            return tensor;
        }

        @Override
        public void close() {
            giveBack(taken);
            taken.clear();
        }
    }

    Lease lease() {
        return new Lease();
    }

    private synchronized DeviceTensor take(ElementType type, Shape shape) {
        for (Iterator<DeviceTensor> each = idle.iterator(); each.hasNext(); ) {
            DeviceTensor tensor = each.next();
            if (tensor.type() == type && tensor.shape().equals(shape)) {
                each.remove();
                return tensor;
            }
        }
        return type == ElementType.FP32 ? backend.floats(shape.dims()) : backend.indices(shape.dims());
    }

    private synchronized void giveBack(List<DeviceTensor> tensors) {
        tensors.forEach(idle::addFirst);
        long elements = idle.stream().mapToLong(t -> t.shape().size()).sum();
        while (!idle.isEmpty() && (closed || elements > IDLE_LIMIT)) {
            DeviceTensor oldest = idle.removeLast();
            elements -= oldest.shape().size();
            oldest.close();
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        giveBack(List.of());
    }
}

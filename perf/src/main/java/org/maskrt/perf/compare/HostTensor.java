package org.maskrt.perf.compare;

import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.DeviceTensor;
import org.maskrt.runtime.ElementType;

/** A tensor in the heap. */
final class HostTensor implements DeviceTensor {
    private final Tensor data;

    HostTensor(Tensor data) {
        this.data = data;
    }

    /** What it holds, not copied. */
    Tensor data() {
        return data;
    }

    @Override
    public ElementType type() {
        return data.isIndices() ? ElementType.INT64 : ElementType.FP32;
    }

    @Override
    public Shape shape() {
        return data.shape();
    }

    @Override
    public void write(int at, float[] values, int from, int count) {
        System.arraycopy(values, from, data.values(), at, count);
    }

    @Override
    public void writeIndices(long[] values) {
        System.arraycopy(values, 0, data.indices(), 0, values.length);
    }

    @Override
    public void read(int at, float[] into, int to, int count) {
        System.arraycopy(data.values(), at, into, to, count);
    }

    @Override
    public void copy(int at, DeviceTensor source, int from, int count) {
        source.read(from, data.values(), at, count);
    }

    @Override
    public void close() {}
}

package org.maskrt.runtime;

import org.maskrt.models.ops.Shape;
import org.maskrt.runtime.device.DeviceMemory;
import org.maskrt.runtime.device.DeviceStream;
import org.maskrt.runtime.device.Region;

/** A tensor in device memory. Copies run on a stream that all tensors share. */
final class DeviceArray implements DeviceTensor {
    private final ElementType type;
    private final Shape shape;
    private final DeviceMemory memory;
    private final DeviceStream transfers;

    DeviceArray(ElementType type, Shape shape, DeviceMemory memory, DeviceStream transfers) {
        this.type = type;
        this.shape = shape;
        this.memory = memory;
        this.transfers = transfers;
    }

    /** Bytes of the elements of a shape. */
    static long bytes(ElementType type, Shape shape) {
        return (long) shape.size() * (type == ElementType.FP32 ? Float.BYTES : Long.BYTES);
    }

    BoundTensor bound(String name) {
        return new BoundTensor(name, shape, memory.region());
    }

    @Override
    public ElementType type() {
        return type;
    }

    @Override
    public Shape shape() {
        return shape;
    }

    private Region floats(int at, int count) {
        if (type != ElementType.FP32) {
            throw new IllegalStateException("the tensor " + shape + " holds int64 indices, fp32 values were asked for");
        }
        return memory.region().at((long) at * Float.BYTES, (long) count * Float.BYTES);
    }

    @Override
    public void write(int at, float[] values, int from, int count) {
        synchronized (transfers) {
            transfers.upload(floats(at, count), values, from, count);
            transfers.synchronize();
        }
    }

    @Override
    public void writeIndices(long[] values) {
        if (type != ElementType.INT64 || values.length != shape.size()) {
            throw new IllegalArgumentException(values.length + " indices do not fit the " + type + " tensor " + shape);
        }
        synchronized (transfers) {
            transfers.upload(memory.region(), values);
            transfers.synchronize();
        }
    }

    @Override
    public void read(int at, float[] into, int to, int count) {
        synchronized (transfers) {
            transfers.download(floats(at, count), into, to, count);
        }
    }

    @Override
    public void copy(int at, DeviceTensor source, int from, int count) {
        synchronized (transfers) {
            transfers.copy(floats(at, count), ((DeviceArray) source).floats(from, count));
            transfers.synchronize();
        }
    }

    @Override
    public void close() {
        memory.close();
    }
}

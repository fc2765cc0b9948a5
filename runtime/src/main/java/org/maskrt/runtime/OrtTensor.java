package org.maskrt.runtime;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;

/** A tensor over a direct buffer, which ONNX Runtime reads and writes in place. */
final class OrtTensor implements DeviceTensor {
    private final Shape shape;
    private final OnnxTensor handle;
    private final @Nullable FloatBuffer floats;
    private final @Nullable LongBuffer indices;
    private final List<OrtTensor> rows = new ArrayList<>();
    private boolean closed;

    private OrtTensor(Shape shape, OnnxTensor handle, @Nullable FloatBuffer floats, @Nullable LongBuffer indices) {
        this.shape = shape;
        this.handle = handle;
        this.floats = floats;
        this.indices = indices;
    }

    static OrtTensor floats(OrtEnvironment environment, Shape shape) {
        return over(environment, shape, direct(shape, Float.BYTES).asFloatBuffer());
    }

    private static OrtTensor over(OrtEnvironment environment, Shape shape, FloatBuffer data) {
        OnnxTensor handle = OrtErrors.checked(
                ExitCode.FAILURE,
                () -> "cannot make an fp32 tensor " + shape,
                () -> OnnxTensor.createTensor(environment, data, longs(shape)));
        return new OrtTensor(shape, handle, data, null);
    }

    static OrtTensor indices(OrtEnvironment environment, Shape shape) {
        LongBuffer data = direct(shape, Long.BYTES).asLongBuffer();
        OnnxTensor handle = OrtErrors.checked(
                ExitCode.FAILURE,
                () -> "cannot make an int64 tensor " + shape,
                () -> OnnxTensor.createTensor(environment, data, longs(shape)));
        return new OrtTensor(shape, handle, null, data);
    }

    private static ByteBuffer direct(Shape shape, int bytes) {
        long size = (long) shape.size() * bytes;
        if (size > Integer.MAX_VALUE) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    "a tensor " + shape + " needs " + size + " bytes, more than one buffer holds; use a smaller batch");
        }
        return ByteBuffer.allocateDirect((int) size).order(ByteOrder.nativeOrder());
    }

    private static long[] longs(Shape shape) {
        long[] dims = new long[shape.rank()];
        for (int i = 0; i < dims.length; i++) {
            dims[i] = shape.dim(i);
        }
        return dims;
    }

    /** Each index of the first axis as a tensor [1,..] over the same memory, closed with this one. */
    List<OrtTensor> rows(OrtEnvironment environment) {
        FloatBuffer data = floatData();
        int count = shape.dim(0);
        int size = data.capacity() / count;
        for (int i = rows.size(); i < count; i++) {
            rows.add(over(environment, shape.with(0, 1), data.slice(i * size, size)));
        }
        return rows;
    }

    OnnxTensor handle() {
        requireOpen();
        return handle;
    }

    @Override
    public ElementType type() {
        return floats != null ? ElementType.FP32 : ElementType.INT64;
    }

    @Override
    public Shape shape() {
        return shape;
    }

    @Override
    public void write(int at, float[] values, int from, int count) {
        floatData().put(at, values, from, count);
    }

    @Override
    public void writeIndices(long[] values) {
        requireOpen();
        if (indices == null || values.length != indices.capacity()) {
            throw new IllegalArgumentException(
                    values.length + " indices do not fit the " + type() + " tensor " + shape);
        }
        indices.put(0, values);
    }

    @Override
    public void read(int at, float[] into, int to, int count) {
        floatData().get(at, into, to, count);
    }

    @Override
    public void copy(int at, DeviceTensor source, int from, int count) {
        floatData().put(at, ((OrtTensor) source).floatData(), from, count);
    }

    private FloatBuffer floatData() {
        requireOpen();
        if (floats == null) {
            throw new IllegalStateException("the tensor " + shape + " holds int64 indices, fp32 values were asked for");
        }
        return floats;
    }

    void requireOpen() {
        if (closed) {
            throw new MaskRtException(ExitCode.FAILURE, "the tensor " + shape + " is closed");
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            rows.forEach(OrtTensor::close);
            handle.close();
        }
    }
}

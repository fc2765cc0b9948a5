package org.maskrt.runtime.trt;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.maskrt.runtime.device.CapturedGraph;
import org.maskrt.runtime.device.DeviceEvent;
import org.maskrt.runtime.device.DeviceStream;
import org.maskrt.runtime.device.Region;

/** A stream that does not wait for the default stream. Copies from and to the host go through pinned memory, a piece at a time. */
final class CudaStream implements DeviceStream {
    private static final int STAGED = 4 << 20;

    private final CUstream_st stream = new CUstream_st();
    private final Pointer pinned = new Pointer();
    private final ByteBuffer staged;
    private boolean closed;

    CudaStream() {
        Cuda.require(cudart.cudaStreamCreateWithFlags(stream, cudart.cudaStreamNonBlocking), "making a stream");
        int status = cudart.cudaHostAlloc(pinned, STAGED, cudart.cudaHostAllocDefault);
        if (status != cudart.cudaSuccess) {
            cudart.cudaStreamDestroy(stream);
        }
        Cuda.require(status, "allocating " + STAGED + " bytes of pinned memory");
        staged = new BytePointer(pinned).capacity(STAGED).asByteBuffer().order(ByteOrder.nativeOrder());
    }

    CUstream_st handle() {
        return stream;
    }

    @Override
    public void upload(Region to, float[] values, int from, int count) {
        Region all = to.at(0, (long) count * Float.BYTES);
        int piece = STAGED / Float.BYTES;
        for (int done = 0; done < count; done += piece) {
            int length = Math.min(piece, count - done);
            staged.asFloatBuffer().put(0, values, from + done, length);
            send(all.at((long) done * Float.BYTES, (long) length * Float.BYTES));
        }
    }

    @Override
    public void upload(Region to, long[] values) {
        Region all = to.at(0, (long) values.length * Long.BYTES);
        int piece = STAGED / Long.BYTES;
        for (int done = 0; done < values.length; done += piece) {
            int length = Math.min(piece, values.length - done);
            staged.asLongBuffer().put(0, values, done, length);
            send(all.at((long) done * Long.BYTES, (long) length * Long.BYTES));
        }
    }

    private void send(Region to) {
        copy(Cuda.pointer(to), pinned, to.bytes(), cudart.cudaMemcpyHostToDevice);
        // the pinned memory is written again for the next piece
        synchronize();
    }

    @Override
    public void download(Region from, float[] into, int to, int count) {
        Region all = from.at(0, (long) count * Float.BYTES);
        int piece = STAGED / Float.BYTES;
        for (int done = 0; done < count; done += piece) {
            int length = Math.min(piece, count - done);
            fetch(all.at((long) done * Float.BYTES, (long) length * Float.BYTES));
            staged.asFloatBuffer().get(0, into, to + done, length);
        }
    }

    @Override
    public void download(Region from, long[] into) {
        Region all = from.at(0, (long) into.length * Long.BYTES);
        int piece = STAGED / Long.BYTES;
        for (int done = 0; done < into.length; done += piece) {
            int length = Math.min(piece, into.length - done);
            fetch(all.at((long) done * Long.BYTES, (long) length * Long.BYTES));
            staged.asLongBuffer().get(0, into, done, length);
        }
    }

    private void fetch(Region from) {
        copy(pinned, Cuda.pointer(from), from.bytes(), cudart.cudaMemcpyDeviceToHost);
        synchronize();
    }

    @Override
    public void copy(Region to, Region from) {
        copy(Cuda.pointer(to.at(0, from.bytes())), Cuda.pointer(from), from.bytes(), cudart.cudaMemcpyDeviceToDevice);
    }

    private void copy(Pointer to, Pointer from, long bytes, int direction) {
        Cuda.require(cudart.cudaMemcpyAsync(to, from, bytes, direction, stream), "copying " + bytes + " bytes");
    }

    @Override
    public CapturedGraph capture(Runnable work) {
        // other threads may go on allocating meanwhile
        Cuda.require(cudart.cudaStreamBeginCapture(stream, cudart.cudaStreamCaptureModeThreadLocal), "capturing");
        CUgraph_st graph = new CUgraph_st();
        int status;
        try {
            work.run();
        } finally {
            status = cudart.cudaStreamEndCapture(stream, graph);
        }
        try {
            Cuda.require(status, "capturing");
            return new Captured(graph);
        } finally {
            if (!graph.isNull()) {
                cudart.cudaGraphDestroy(graph);
            }
        }
    }

    private final class Captured implements CapturedGraph {
        private final CUgraphExec_st executable = new CUgraphExec_st();
        private boolean closed;

        Captured(CUgraph_st graph) {
            Cuda.require(cudart.cudaGraphInstantiateWithFlags(executable, graph, 0), "making a graph");
            try {
                Cuda.require(cudart.cudaGraphUpload(executable, stream), "uploading a graph");
            } catch (RuntimeException e) {
                close();
                throw e;
            }
        }

        @Override
        public void launch() {
            Cuda.require(cudart.cudaGraphLaunch(executable, stream), "launching a graph");
        }

        @Override
        public void close() {
            if (!closed) {
                closed = true;
                Cuda.require(cudart.cudaGraphExecDestroy(executable), "freeing a graph");
            }
        }
    }

    @Override
    public DeviceEvent event() {
        return new Event();
    }

    private final class Event implements DeviceEvent {
        private final CUevent_st event = new CUevent_st();
        private boolean closed;

        Event() {
            Cuda.require(cudart.cudaEventCreate(event), "making an event");
        }

        @Override
        public void record() {
            Cuda.require(cudart.cudaEventRecord(event, stream), "recording an event");
        }

        @Override
        public void await() {
            Cuda.require(cudart.cudaEventSynchronize(event), "waiting for the device");
        }

        @Override
        public double millisSince(DeviceEvent earlier) {
            float[] millis = new float[1];
            Cuda.require(cudart.cudaEventElapsedTime(millis, ((Event) earlier).event, event), "measuring time");
            return millis[0];
        }

        @Override
        public void close() {
            if (!closed) {
                closed = true;
                Cuda.require(cudart.cudaEventDestroy(event), "freeing an event");
            }
        }
    }

    @Override
    public void synchronize() {
        Cuda.require(cudart.cudaStreamSynchronize(stream), "waiting for the device");
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            synchronize();
            Cuda.require(cudart.cudaStreamDestroy(stream), "freeing a stream");
            Cuda.require(cudart.cudaFreeHost(pinned), "freeing pinned memory");
        }
    }
}

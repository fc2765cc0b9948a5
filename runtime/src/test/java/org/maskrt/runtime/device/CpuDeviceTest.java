package org.maskrt.runtime.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.TensorSpec;

/** The double refuses what it is there to refuse; otherwise the tests that use it would prove nothing. */
class CpuDeviceTest {
    private static final TensorSpec IN = TensorSpec.fp32("in", Shape.BATCH);
    private static final TensorSpec OUT = TensorSpec.fp32("out", Shape.BATCH);
    private static final Shape TWO = Shape.of(2);

    private final CpuDevice device = new CpuDevice(1 << 16);
    private final DeviceStream stream = device.stream();
    private final DeviceMemory memory = device.allocate(4 * 256);
    private final Engine engine = device.engine(
            "twice",
            List.of(new EngineTensor(IN, Shape.of(1), Shape.of(4))),
            List.of(new EngineTensor(OUT, OUT.shape(), OUT.shape())),
            100,
            (in, out) -> Map.of("out", twice(in.get("in"))));
    private final EngineContext context = engine.context();

    private static Tensor twice(Tensor x) {
        float[] values = x.values().clone();
        for (int i = 0; i < values.length; i++) {
            values[i] *= 2;
        }
        return Tensor.of(values, x.shape());
    }

    private Region region(int number) {
        return memory.region().at(number * 256L, 256);
    }

    private void bind() {
        context.bind("in", TWO, region(0));
        context.bind("out", TWO, region(1));
        context.arena(region(2));
    }

    private static void assertRefused(String message, Executable action) {
        assertEquals(message, assertThrows(RuntimeException.class, action).getMessage());
    }

    @Test
    void aGraphDoesWhatWasRecordedAtTheRecordedAddresses() {
        bind();
        stream.upload(region(0), new float[] {1, 2});
        context.enqueue(stream);
        CapturedGraph graph = stream.capture(() -> {
            context.enqueue(stream);
            stream.copy(region(0), region(1));
        });
        context.bind("in", TWO, region(3));
        graph.launch();
        graph.launch();
        float[] out = new float[2];
        stream.download(region(0), out);
        assertArrayEquals(new float[] {4, 8}, out);
        assertRefused("twice: a context is closed before the graph that holds it", context::close);
        assertRefused("memory is freed that a captured graph reads or writes", memory::close);
        graph.close();
        assertRefused("the engine twice is closed before its contexts", engine::close);
        context.close();
        engine.close();
        assertRefused("the device is closed with 1 and 1 allocations open", device::close);
    }

    @Test
    void nothingIsDoneBeforeSomeoneWaits() {
        bind();
        float[] values = {1, 2};
        stream.upload(region(0), values);
        values[0] = 7;
        context.enqueue(stream);
        DeviceStream other = device.stream();
        float[] out = new float[2];
        other.download(region(1), out);
        assertArrayEquals(new float[2], out, "another stream does not wait");
        stream.synchronize();
        other.download(region(1), out);
        assertArrayEquals(new float[] {2, 4}, out);
    }

    @Test
    void aCaptureHoldsNothingThatItMustNot() {
        bind();
        assertRefused(
                "twice: captured without a run with these shapes before",
                () -> stream.capture(() -> context.enqueue(stream)));
        context.enqueue(stream);
        context.bind("in", Shape.of(1), region(0));
        context.bind("out", Shape.of(1), region(1));
        assertRefused(
                "twice: captured without a run with these shapes before",
                () -> stream.capture(() -> context.enqueue(stream)));
        assertRefused("allocation while capturing", () -> stream.capture(() -> device.allocate(1)));
        assertRefused(
                "a copy from the host while capturing",
                () -> stream.capture(() -> stream.upload(region(0), new float[1])));
        assertRefused(
                "a copy to the host while capturing",
                () -> stream.capture(() -> stream.download(region(0), new float[1])));
        assertRefused("waiting while capturing", () -> stream.capture(stream::synchronize));
        assertRefused("binding while capturing", () -> stream.capture(() -> context.bind("in", TWO, region(0))));
        assertRefused("freeing memory while capturing", () -> stream.capture(memory::close));
    }

    @Test
    void addressesAndShapesAreChecked() {
        assertRefused("twice: out is not bound", () -> {
            context.bind("in", TWO, region(0));
            context.arena(region(2));
            context.enqueue(stream);
        });
        assertRefused(
                "twice: " + region(0).at(0, 4) + " is too small for in [2]",
                () -> context.bind("in", TWO, region(0).at(0, 4)));
        Region crooked = region(0).at(4, 8);
        assertRefused(crooked + " is not aligned", () -> context.bind("in", TWO, crooked));
        Region nowhere = new Region(region(3).address() + 256, 256);
        assertRefused(nowhere + " is not inside live memory", () -> context.bind("in", TWO, nowhere));
        assertThrows(IllegalStateException.class, () -> context.bind("in", Shape.of(5), region(0)));
        assertThrows(IllegalArgumentException.class, () -> context.bind("middle", TWO, region(0)));
        assertRefused(
                "twice: the arena is too small", () -> context.arena(region(2).at(0, 100)));
        assertRefused("twice: the output out overlaps another tensor", () -> {
            context.bind("out", TWO, region(0));
            context.enqueue(stream);
        });
        assertRefused("twice: a tensor is in the arena", () -> {
            context.bind("out", TWO, region(2));
            context.arena(region(2));
            context.enqueue(stream);
        });
    }
}

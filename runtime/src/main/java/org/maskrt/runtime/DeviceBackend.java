package org.maskrt.runtime;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ops.Shape;
import org.maskrt.runtime.device.Accelerator;
import org.maskrt.runtime.device.Device;
import org.maskrt.runtime.device.DeviceStream;
import org.maskrt.runtime.device.Engine;
import org.maskrt.runtime.device.EngineSource;
import org.maskrt.runtime.device.MemoryUse;
import org.maskrt.runtime.trt.TensorRt;

/** Engines on a device. Generations share the weights; each has a lane while it runs. */
final class DeviceBackend implements Backend {
    /** The name of the backend that runs TensorRT. */
    static final String TENSORRT = "trt";

    private final String name;
    private final Device device;
    private final EngineSource engines;
    private final DeviceStream transfers;
    private final Lanes lanes;
    private final Guests guests = new Guests();
    private MemoryPlan plan = MemoryPlan.UNLIMITED;
    private MemoryUse peak;
    private boolean closed;

    /**
     * Takes over the device and the source of engines.
     *
     * @param lanes generations that run at once; others wait
     */
    DeviceBackend(String name, Device device, EngineSource engines, int lanes) {
        this.name = name;
        this.device = device;
        this.engines = engines;
        this.transfers = device.stream();
        this.lanes = new Lanes(lanes, () -> new Lane(device, this::noteMemory));
        this.peak = device.memory();
    }

    /**
     * TensorRT on CUDA's first device; one generation at a time, which fills it.
     *
     * @throws org.maskrt.models.MaskRtException (ENVIRONMENT) if a library, the driver or a GPU is missing
     */
    static DeviceBackend tensorRt() {
        Accelerator found = TensorRt.open();
        return new DeviceBackend(TENSORRT, found.device(), found.engines(), 1);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        return engines.description() + ", " + device.description();
    }

    @Override
    public Path graphs(Path model) {
        return model.resolve("onnx-tensorrt");
    }

    /** What the engine of a graph takes; null if there is none. */
    EngineSource.@Nullable Sizes sizes(Path folder) {
        return engines.sizes(folder);
    }

    /** Shares the memory as {@code shared} says, from now on. */
    void share(MemoryPlan shared) {
        plan = shared;
    }

    MemoryPlan plan() {
        return plan;
    }

    /** Steps of batches of {@code rows} whose tables fit into their share of the memory. */
    int tableSteps(Denoiser model, int rows) {
        long none = DeviceSteps.bytes(model, rows, 0);
        long many = 1024;
        long each = (DeviceSteps.bytes(model, rows, (int) many) - none + many - 1) / many;
        return (int) Math.min(Integer.MAX_VALUE, Math.max(0, (plan.tableBytes() - none) / each));
    }

    Lanes lanes() {
        return lanes;
    }

    @Override
    public Graph open(Path folder, GraphSignature expected) {
        DeviceGraph.Home home = new DeviceGraph.Home() {
            @Override
            public Engine load() {
                Engine engine = engines.open(folder, expected);
                noteMemory();
                return engine;
            }

            @Override
            public Lanes lanes() {
                return lanes;
            }

            @Override
            public Guests guests() {
                return guests;
            }
        };
        return new DeviceGraph(folder, expected, home, !plan.onDemand().contains(expected.name()));
    }

    @Override
    public DeviceTensor floats(int... dims) {
        return tensor(ElementType.FP32, Shape.of(dims));
    }

    @Override
    public DeviceTensor indices(int... dims) {
        return tensor(ElementType.INT64, Shape.of(dims));
    }

    private DeviceTensor tensor(ElementType type, Shape shape) {
        DeviceArray made = new DeviceArray(type, shape, device.allocate(DeviceArray.bytes(type, shape)), transfers);
        noteMemory();
        return made;
    }

    private synchronized void noteMemory() {
        peak = peak.max(device.memory());
    }

    @Override
    public synchronized MemoryUse peakMemory() {
        return peak;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            lanes.close();
            guests.close();
            transfers.close();
            engines.close();
            device.close();
        }
    }
}

package org.maskrt.runtime;

import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.maskrt.runtime.device.Device;
import org.maskrt.runtime.device.DeviceMemory;
import org.maskrt.runtime.device.DeviceStream;
import org.maskrt.runtime.device.Engine;
import org.maskrt.runtime.device.EngineContext;
import org.maskrt.runtime.device.Region;

/**
 * What one generation at a time runs on: a stream, a context of each engine, and one arena for the intermediate results of all of them, since
 * they run one after the other. Steps that were captured stay for the next generation of their batch.
 */
final class Lane {
    private final Device device;
    private final Runnable grown;
    private final DeviceStream stream;
    private final Map<Engine, EngineContext> contexts = new HashMap<>();
    private final Map<Integer, DeviceSteps> steps = new LinkedHashMap<>(16, 0.75f, true);
    private @Nullable DeviceMemory arena;

    /** @param grown is told when the lane has taken more memory */
    Lane(Device device, Runnable grown) {
        this.device = device;
        this.grown = grown;
        this.stream = device.stream();
    }

    DeviceStream stream() {
        return stream;
    }

    DeviceMemory allocate(long bytes) {
        DeviceMemory memory = device.allocate(bytes);
        grown.run();
        return memory;
    }

    /** The arena with at least {@code bytes}. If it has to move, captured steps, which hold its address, are captured again. */
    Region arena(long bytes) {
        if (arena == null || arena.region().bytes() < bytes) {
            stream.synchronize();
            steps.values().forEach(DeviceSteps::uncapture);
            if (arena != null) {
                arena.close();
                arena = null;
            }
            arena = allocate(Math.max(bytes, Device.ALIGNMENT));
        }
        return arena.region();
    }

    /** Frees the arena where no captured step holds its address; the next engine that runs gets one of its size. */
    void spare() {
        if (arena != null && steps.values().stream().noneMatch(DeviceSteps::hasCaptured)) {
            arena.close();
            arena = null;
        }
    }

    /** Runs a graph and waits for its end. */
    void run(DeviceGraph graph, List<BoundTensor> tensors) {
        graph.use(engine -> {
            if (graph.resident()) {
                run(contexts.computeIfAbsent(engine, Engine::context), tensors);
            } else {
                try (EngineContext context = engine.context()) {
                    run(context, tensors);
                }
                spare();
            }
        });
    }

    private void run(EngineContext context, List<BoundTensor> tensors) {
        tensors.forEach(t -> context.bind(t.name(), t.shape(), t.region()));
        context.arena(arena(context.arenaBytes()));
        context.enqueue(stream);
        stream.synchronize();
    }

    /**
     * The steps of batches of {@code rows}, if those that are here hold {@code capacity} of them, or else those that {@code make} gives.
     *
     * @param room bytes that the steps of other batches may keep beside new ones
     */
    DeviceSteps steps(int rows, int capacity, long room, Supplier<DeviceSteps> make) {
        DeviceSteps present = steps.get(rows);
        if (present != null && present.capacity() >= capacity) {
            return present;
        }
        if (present != null) {
            steps.remove(rows);
            present.close();
        }
        Iterator<DeviceSteps> oldest = steps.values().iterator();
        while (oldest.hasNext()
                && steps.values().stream().mapToLong(DeviceSteps::bytes).sum() > room) {
            oldest.next().close();
            oldest.remove();
        }
        DeviceSteps made = make.get();
        steps.put(rows, made);
        return made;
    }

    /** Frees what belongs to an engine that is about to be closed. */
    void forget(Engine engine) {
        stream.synchronize();
        steps.values().forEach(DeviceSteps::uncapture);
        EngineContext context = contexts.remove(engine);
        if (context != null) {
            context.close();
        }
    }

    void close() {
        steps.values().forEach(DeviceSteps::close);
        steps.clear();
        contexts.values().forEach(EngineContext::close);
        contexts.clear();
        if (arena != null) {
            arena.close();
            arena = null;
        }
        stream.close();
    }
}

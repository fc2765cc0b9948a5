package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.runtime.device.Engine;
import org.maskrt.runtime.device.EngineTensor;

/** A graph as an engine of a device. It is loaded as long as the graph is open, or only while it runs. */
final class DeviceGraph implements Graph {
    /** Where a graph gets its engine and its turn. */
    interface Home {
        /** Loads the engine. */
        Engine load();

        Lanes lanes();

        /** Where engines live that are not resident. */
        Guests guests();
    }

    private final Path folder;
    private final Home home;
    private final @Nullable Engine engine;
    private final GraphSignature signature;
    private final Map<String, Shape> most = new HashMap<>();
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private boolean closed;

    /** @throws MaskRtException if the engine does not take and give what is expected */
    DeviceGraph(Path folder, GraphSignature expected, Home home, boolean resident) {
        this.folder = folder;
        this.home = home;
        Engine loaded = resident ? home.load() : null;
        engine = loaded;
        List<TensorSpec> inputs = new ArrayList<>();
        List<TensorSpec> outputs = new ArrayList<>();
        Consumer<Engine> read = present -> {
            match(present.name(), "inputs", expected.inputs(), present.inputs(), inputs);
            match(present.name(), "outputs", expected.outputs(), present.outputs(), outputs);
            present.inputs().forEach(t -> most.put(t.spec().name(), t.most()));
        };
        if (loaded == null) {
            home.guests().use(folder, home::load, read);
        } else {
            try {
                read.accept(loaded);
            } catch (RuntimeException e) {
                loaded.close();
                throw e;
            }
        }
        signature = new GraphSignature(expected.name(), inputs, outputs);
    }

    private static void match(
            String name, String kind, List<TensorSpec> wanted, List<EngineTensor> have, List<TensorSpec> found) {
        for (TensorSpec want : wanted) {
            have.stream()
                    .map(EngineTensor::spec)
                    .filter(s -> s.name().equals(want.name()) && want.accepts(s.type(), s.shape()))
                    .forEach(found::add);
        }
        if (found.size() != wanted.size() || have.size() != wanted.size()) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    name + ": expected an engine with the " + kind + " " + wanted + ", it has "
                            + have.stream().map(EngineTensor::spec).toList() + "; build it again with `maskrt build`");
        }
    }

    /** Whether the engine is loaded as long as the graph is open. */
    boolean resident() {
        return engine != null;
    }

    /** Runs {@code work} on the engine, which stays loaded meanwhile. */
    void use(Consumer<Engine> work) {
        lock.readLock().lock();
        try {
            if (closed) {
                throw new MaskRtException(ExitCode.FAILURE, folder + ": the graph is closed");
            }
            if (engine != null) {
                work.accept(engine);
            } else {
                home.guests().use(folder, home::load, work);
            }
        } finally {
            lock.readLock().unlock();
        }
    }

    @Override
    public GraphSignature signature() {
        return signature;
    }

    @Override
    public int most(String input, int axis) {
        Shape shape = most.get(input);
        if (shape == null) {
            throw new IllegalArgumentException(folder + " has no input " + input);
        }
        return shape.dim(axis);
    }

    @Override
    public Binding bind(Map<String, ? extends DeviceTensor> inputs, Map<String, ? extends DeviceTensor> outputs) {
        signature.requireFit(folder, inputs, outputs);
        if (outputs.size() < signature.outputs().size()) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    folder + ": expected a tensor for each of the outputs " + signature.outputs() + ", got "
                            + outputs.keySet());
        }
        return () -> {
            List<BoundTensor> bound = new ArrayList<>();
            inputs.forEach((name, tensor) -> bound.add(((DeviceArray) tensor).bound(name)));
            outputs.forEach((name, tensor) -> bound.add(((DeviceArray) tensor).bound(name)));
            try (Lanes.Lease lease = home.lanes().take()) {
                lease.lane().run(this, bound);
            }
        };
    }

    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                if (engine != null) {
                    home.lanes().forget(engine);
                    engine.close();
                }
            }
        } finally {
            lock.writeLock().unlock();
        }
    }
}

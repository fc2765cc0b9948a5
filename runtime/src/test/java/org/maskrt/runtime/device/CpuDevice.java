package org.maskrt.runtime.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.ElementType;
import org.maskrt.runtime.TensorSpec;

/**
 * A device in the host's memory. It executes, and it refuses what a real one would do wrong in silence: addresses outside live memory, regions
 * that are too small or not aligned, tensors that overlap, engines that run unbound, anything that a capture must not hold, and freeing in the
 * wrong order.
 */
public final class CpuDevice implements Device {
    private final long total;
    private final TreeMap<Long, ByteBuffer> live = new TreeMap<>();
    private final Set<Object> open = Collections.newSetFromMap(new IdentityHashMap<>());
    private final List<String> journal = new ArrayList<>();
    private long next = 1 << 20;
    private long used;
    private long peak;
    private @Nullable Thread capturing;

    public CpuDevice(long total) {
        this.total = total;
    }

    /** What crossed the bus, was captured, launched and run, in order. */
    public synchronized List<String> journal() {
        return List.copyOf(journal);
    }

    /** How often {@code event} happened. */
    public long count(String event) {
        return journal().stream().filter(event::equals).count();
    }

    /** Allocations, streams, events, graphs, engines and contexts that are not closed. */
    public synchronized int open() {
        return open.size() + live.size();
    }

    public synchronized long peak() {
        return peak;
    }

    private synchronized void note(String event) {
        journal.add(event);
    }

    private synchronized void opened(Object object) {
        open.add(object);
    }

    private synchronized boolean closed(Object object) {
        return open.remove(object);
    }

    private synchronized boolean isOpen(Object object) {
        return open.contains(object);
    }

    private synchronized <T> List<T> open(Class<T> type) {
        return open.stream().filter(type::isInstance).map(type::cast).toList();
    }

    private static void require(boolean right, String what) {
        if (!right) {
            throw new IllegalStateException(what);
        }
    }

    /** What would end a capture on a real device. */
    private synchronized void requireNoCapture(String what) {
        require(capturing != Thread.currentThread(), what + " while capturing");
    }

    @Override
    public String description() {
        return "a device in the host's memory";
    }

    @Override
    public DeviceMemory allocate(long bytes) {
        requireNoCapture("allocation");
        synchronized (this) {
            if (used + bytes > total) {
                throw new MaskRtException(ExitCode.FAILURE, "no more device memory");
            }
            Region region = new Region(next, bytes);
            live.put(next, ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.nativeOrder()));
            // a gap, so that no address is inside two
            next += Device.aligned(bytes) + 4096;
            used += bytes;
            peak = Math.max(peak, used);
            return new DeviceMemory(region, () -> free(region));
        }
    }

    private void free(Region region) {
        requireNoCapture("freeing memory");
        for (CpuGraph graph : open(CpuGraph.class)) {
            require(
                    graph.regions.stream().noneMatch(r -> overlap(r, region)),
                    "memory is freed that a captured graph reads or writes");
        }
        synchronized (this) {
            require(live.remove(region.address()) != null, "memory is freed twice");
            used -= region.bytes();
        }
    }

    private static boolean overlap(Region a, Region b) {
        return a.bytes() > 0
                && b.bytes() > 0
                && a.address() < b.address() + b.bytes()
                && b.address() < a.address() + a.bytes();
    }

    /** The bytes of a region, which must be inside one live allocation. */
    private synchronized ByteBuffer at(Region region) {
        Map.Entry<Long, ByteBuffer> entry = live.floorEntry(region.address());
        require(
                entry != null
                        && region.address() + region.bytes()
                                <= entry.getKey() + entry.getValue().capacity(),
                region + " is not inside live memory");
        int from = Math.toIntExact(region.address() - entry.getKey());
        return entry.getValue().slice(from, Math.toIntExact(region.bytes())).order(ByteOrder.nativeOrder());
    }

    @Override
    public DeviceStream stream() {
        requireNoCapture("making a stream");
        note("stream");
        return new CpuStream();
    }

    @Override
    public synchronized MemoryUse memory() {
        return new MemoryUse(used, -1, total);
    }

    @Override
    public void close() {
        note("close device");
        require(open() == 0, "the device is closed with " + open.size() + " and " + live.size() + " allocations open");
    }

    /** Work waits until someone waits for it, so that what is read too early is not there yet. */
    private final class CpuStream implements DeviceStream {
        private final Deque<Runnable> pending = new ArrayDeque<>();
        private @Nullable CpuGraph captured;

        CpuStream() {
            opened(this);
        }

        private void submit(List<Region> regions, Runnable work) {
            require(isOpen(this), "the stream is closed");
            regions.forEach(CpuDevice.this::at);
            if (captured != null) {
                captured.regions.addAll(regions);
                captured.work.add(work);
            } else {
                pending.add(work);
            }
        }

        private void drain() {
            while (!pending.isEmpty()) {
                pending.poll().run();
            }
        }

        @Override
        public void upload(Region to, float[] values, int from, int count) {
            requireNoCapture("a copy from the host");
            note("upload");
            float[] copy = Arrays.copyOfRange(values, from, from + count);
            submit(List.of(to), () -> at(to).asFloatBuffer().put(copy));
        }

        @Override
        public void upload(Region to, long[] values) {
            requireNoCapture("a copy from the host");
            note("upload");
            long[] copy = values.clone();
            submit(List.of(to), () -> at(to).asLongBuffer().put(copy));
        }

        @Override
        public void download(Region from, float[] into, int to, int count) {
            requireNoCapture("a copy to the host");
            note("download");
            submit(List.of(from), () -> at(from).asFloatBuffer().get(into, to, count));
            drain();
        }

        @Override
        public void download(Region from, long[] into) {
            requireNoCapture("a copy to the host");
            note("download");
            submit(List.of(from), () -> at(from).asLongBuffer().get(into));
            drain();
        }

        @Override
        public void copy(Region to, Region from) {
            require(!overlap(to, from), "a copy onto itself");
            Region target = to.at(0, from.bytes());
            submit(List.of(target, from), () -> at(target).put(at(from)));
        }

        @Override
        public CapturedGraph capture(Runnable work) {
            requireNoCapture("a capture");
            note("capture");
            CpuGraph graph = new CpuGraph(this);
            captured = graph;
            synchronized (CpuDevice.this) {
                capturing = Thread.currentThread();
            }
            try {
                work.run();
            } finally {
                captured = null;
                synchronized (CpuDevice.this) {
                    capturing = null;
                }
            }
            opened(graph);
            return graph;
        }

        @Override
        public DeviceEvent event() {
            requireNoCapture("making an event");
            DeviceEvent event = new DeviceEvent() {
                private long mark = -1;

                @Override
                public void record() {
                    require(isOpen(this), "the event is closed");
                    mark = System.nanoTime();
                }

                @Override
                public void await() {
                    requireNoCapture("waiting");
                    require(isOpen(this) && mark >= 0, "the event was never recorded");
                    drain();
                }

                @Override
                public double millisSince(DeviceEvent earlier) {
                    return 0;
                }

                @Override
                public void close() {
                    closed(this);
                }
            };
            opened(event);
            return event;
        }

        @Override
        public void synchronize() {
            requireNoCapture("waiting");
            require(isOpen(this), "the stream is closed");
            drain();
        }

        @Override
        public void close() {
            drain();
            require(
                    open(CpuGraph.class).stream().noneMatch(g -> g.stream == this),
                    "a stream is closed before the graphs captured on it");
            closed(this);
        }
    }

    private final class CpuGraph implements CapturedGraph {
        private final CpuStream stream;
        private final List<Runnable> work = new ArrayList<>();
        private final List<Region> regions = new ArrayList<>();
        private final Set<Object> contexts = new HashSet<>();

        CpuGraph(CpuStream stream) {
            this.stream = stream;
        }

        @Override
        public void launch() {
            requireNoCapture("a launch");
            require(isOpen(this), "the graph is closed");
            note("launch");
            work.forEach(each -> stream.pending.add(() -> {
                require(isOpen(this), "the graph is closed before it has run");
                each.run();
            }));
        }

        @Override
        public void close() {
            closed(this);
        }
    }

    /** What an engine computes. */
    @FunctionalInterface
    public interface Maths {
        /** The outputs, which have the shapes that they are bound with. */
        Map<String, Tensor> apply(Map<String, Tensor> inputs, Map<String, Shape> outputs);
    }

    /** An engine that needs {@code arena} bytes for each row of its first input. */
    public Engine engine(String name, List<EngineTensor> inputs, List<EngineTensor> outputs, int arena, Maths maths) {
        requireNoCapture("loading an engine");
        note("load " + name);
        return new CpuEngine(name, inputs, outputs, arena, maths);
    }

    private final class CpuEngine implements Engine {
        private final String name;
        private final List<EngineTensor> inputs;
        private final List<EngineTensor> outputs;
        private final int arena;
        private final Maths maths;

        CpuEngine(String name, List<EngineTensor> inputs, List<EngineTensor> outputs, int arena, Maths maths) {
            this.name = name;
            this.inputs = inputs;
            this.outputs = outputs;
            this.arena = arena;
            this.maths = maths;
            opened(this);
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public List<EngineTensor> inputs() {
            return inputs;
        }

        @Override
        public List<EngineTensor> outputs() {
            return outputs;
        }

        @Override
        public EngineContext context() {
            requireNoCapture("making a context");
            require(isOpen(this), "the engine " + name + " is closed");
            return new CpuContext(this);
        }

        @Override
        public void close() {
            require(
                    open(CpuContext.class).stream().noneMatch(c -> c.engine == this),
                    "the engine " + name + " is closed before its contexts");
            if (closed(this)) {
                note("close " + name);
            }
        }
    }

    private record Place(Shape shape, Region region) {}

    private final class CpuContext implements EngineContext {
        private final CpuEngine engine;
        private final Map<String, Place> bound = new HashMap<>();
        private @Nullable Region arena;
        private Map<String, Shape> warm = Map.of();

        CpuContext(CpuEngine engine) {
            this.engine = engine;
            opened(this);
        }

        private long bytes(TensorSpec spec, Shape shape) {
            return (long) shape.size() * (spec.type() == ElementType.FP32 ? Float.BYTES : Long.BYTES);
        }

        @Override
        public void bind(String tensor, Shape shape, Region region) {
            requireNoCapture("binding");
            EngineTensor found = tensor(tensor);
            for (int d = 0; d < shape.rank(); d++) {
                boolean inside = found.spec().shape().dim(d) >= 0
                        ? shape.dim(d) == found.spec().shape().dim(d)
                        : engine.outputs.contains(found)
                                || (shape.dim(d) >= found.least().dim(d)
                                        && shape.dim(d) <= found.most().dim(d));
                require(inside, engine.name + ": " + shape + " is not a shape of " + found);
            }
            require(
                    region.bytes() >= bytes(found.spec(), shape),
                    engine.name + ": " + region + " is too small for " + tensor + " " + shape);
            require(region.address() % Device.ALIGNMENT == 0, region + " is not aligned");
            at(region);
            bound.put(tensor, new Place(shape, region));
        }

        private EngineTensor tensor(String name) {
            return java.util.stream.Stream.of(engine.inputs, engine.outputs)
                    .flatMap(List::stream)
                    .filter(t -> t.spec().name().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException(engine.name + " has no tensor " + name));
        }

        @Override
        public long arenaBytes() {
            Place first = bound.get(engine.inputs.get(0).spec().name());
            return (long) engine.arena * first.shape().dim(0);
        }

        @Override
        public void arena(Region region) {
            requireNoCapture("changing the arena");
            require(region.bytes() >= arenaBytes(), engine.name + ": the arena is too small");
            at(region);
            arena = region;
        }

        @Override
        public void enqueue(DeviceStream stream) {
            require(isOpen(this) && isOpen(engine), engine.name + ": the context or the engine is closed");
            Map<String, Place> places = new HashMap<>(bound);
            Map<String, Shape> shapes = new HashMap<>();
            List<Region> regions = new ArrayList<>();
            for (List<EngineTensor> tensors : List.of(engine.inputs, engine.outputs)) {
                for (EngineTensor t : tensors) {
                    Place place = places.get(t.spec().name());
                    require(place != null, engine.name + ": " + t.spec().name() + " is not bound");
                    Region exact = place.region().at(0, bytes(t.spec(), place.shape()));
                    if (tensors == engine.outputs) {
                        require(
                                regions.stream().noneMatch(r -> overlap(r, exact)),
                                engine.name + ": the output " + t.spec().name() + " overlaps another tensor");
                    }
                    regions.add(exact);
                    shapes.put(t.spec().name(), place.shape());
                }
            }
            Region scratch = arena;
            require(scratch != null, engine.name + ": no arena");
            require(regions.stream().noneMatch(r -> overlap(r, scratch)), engine.name + ": a tensor is in the arena");
            regions.add(scratch);
            CpuStream on = (CpuStream) stream;
            if (on.captured != null) {
                require(warm.equals(shapes), engine.name + ": captured without a run with these shapes before");
                on.captured.contexts.add(this);
            }
            warm = shapes;
            on.submit(regions, () -> run(places, scratch));
        }

        private void run(Map<String, Place> places, Region scratch) {
            note("run " + engine.name);
            ByteBuffer work = at(scratch);
            while (work.remaining() >= Float.BYTES) {
                work.putFloat(Float.NaN);
            }
            Map<String, Tensor> in = new HashMap<>();
            for (EngineTensor t : engine.inputs) {
                Place place = places.get(t.spec().name());
                int size = place.shape().size();
                if (t.spec().type() == ElementType.FP32) {
                    float[] values = new float[size];
                    at(place.region()).asFloatBuffer().get(values);
                    in.put(t.spec().name(), Tensor.of(values, place.shape()));
                } else {
                    long[] values = new long[size];
                    at(place.region()).asLongBuffer().get(values);
                    in.put(
                            t.spec().name(),
                            Tensor.ofIndices(values, place.shape().dims()));
                }
            }
            Map<String, Shape> out = new HashMap<>();
            engine.outputs.forEach(t -> {
                String name = t.spec().name();
                out.put(name, places.get(name).shape());
            });
            engine.maths.apply(in, out).forEach((name, value) -> {
                Place place = places.get(name);
                require(
                        value.shape().equals(place.shape()),
                        engine.name + ": " + name + " is " + value.shape() + ", bound as " + place.shape());
                if (value.isIndices()) {
                    at(place.region()).asLongBuffer().put(value.indices());
                } else {
                    at(place.region()).asFloatBuffer().put(value.values());
                }
            });
        }

        @Override
        public void close() {
            require(
                    open(CpuGraph.class).stream().noneMatch(g -> g.contexts.contains(this)),
                    engine.name + ": a context is closed before the graph that holds it");
            closed(this);
        }
    }
}

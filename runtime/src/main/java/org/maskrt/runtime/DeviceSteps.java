package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ops.Shape;
import org.maskrt.runtime.device.CapturedGraph;
import org.maskrt.runtime.device.Device;
import org.maskrt.runtime.device.DeviceEvent;
import org.maskrt.runtime.device.DeviceMemory;
import org.maskrt.runtime.device.DeviceStream;
import org.maskrt.runtime.device.Engine;
import org.maskrt.runtime.device.EngineContext;
import org.maskrt.runtime.device.Region;

/**
 * The steps of batches of one size on a lane: tables of fixed places and room, and a captured graph of each kind of step, which is replayed for
 * every step of every generation. A captured step runs the engine, keeps the sample as the one before, and moves what the next step reads (rows,
 * sample, eps), which lies together, from where the engine wrote it to where the engine reads it.
 */
final class DeviceSteps implements AutoCloseable {
    private static final List<String> READ = List.of("rows", "sample", "eps_prev");
    private static final List<String> WRITTEN = List.of("next_rows", "next_sample", "eps");
    private static final List<String> TABLES = List.of(
            "guided_step advance",
            "half_step advance",
            "starts",
            "modulation",
            "guidance",
            "coefficients",
            "noise",
            "hint",
            "timesteps",
            "condition");

    private record Captured(EngineContext context, CapturedGraph graph) {}

    private final Denoiser model;
    private final Lane lane;
    private final int rows;
    private final int capacity;
    private final DeviceMemory memory;
    private final Map<String, Region> places = new HashMap<>();
    private final Region read;
    private final Region written;
    private final Map<StepTables.Kind, Captured> captured = new EnumMap<>(StepTables.Kind.class);
    private final List<DeviceEvent> marks = new ArrayList<>();

    /**
     * For batches of {@code rows}.
     *
     * @param capacity steps whose rows are in the tables at once
     */
    DeviceSteps(Denoiser model, Lane lane, int rows, int capacity) {
        this.model = model;
        this.lane = lane;
        this.rows = rows;
        this.capacity = capacity;
        Map<String, Long> offsets = new LinkedHashMap<>();
        long size = 0;
        for (String name :
                Stream.of(READ, WRITTEN, TABLES).flatMap(List::stream).toList()) {
            offsets.put(name, size);
            size += Device.aligned(bytes(model, name, rows, capacity));
        }
        memory = lane.allocate(size);
        Region all = memory.region();
        offsets.forEach((name, at) -> places.put(name, all.at(at, bytes(model, name, rows, capacity))));
        long block = place(WRITTEN.get(0)).address() - all.address();
        read = all.at(0, block);
        written = all.at(block, block);
        marks.add(lane.stream().event());
        marks.add(lane.stream().event());
    }

    /** Bytes of all tables and latents. */
    static long bytes(Denoiser model, int rows, int capacity) {
        return Stream.of(READ, WRITTEN, TABLES)
                .flatMap(List::stream)
                .mapToLong(name -> Device.aligned(bytes(model, name, rows, capacity)))
                .sum();
    }

    private static long bytes(Denoiser model, String name, int rows, int capacity) {
        long plane = (long) model.inputSize() * model.inputSize() * Float.BYTES;
        long indices = (long) rows * StepTables.Kind.GUIDED.tables() * Long.BYTES;
        long tableRows = (long) capacity * StepTables.columns(rows);
        return switch (name) {
            case "rows", "next_rows", "guided_step advance", "half_step advance" -> indices;
            case "starts" -> capacity * indices;
            case "modulation" -> tableRows * model.modulationSize() * Float.BYTES;
            case "guidance" -> tableRows * Float.BYTES;
            case "coefficients" -> 4 * tableRows * Float.BYTES;
            case "noise" -> plane * model.inChannels() * StepTables.noiseRows(rows, capacity);
            case "hint" -> plane * model.hintChannels() * rows;
            case "timesteps" -> (long) capacity * Float.BYTES;
            case "condition" ->
                (model.conditionWidth() == 0 ? Long.BYTES : (long) Float.BYTES * model.conditionWidth())
                        * StepTables.columns(rows);
            default -> plane * model.inChannels() * rows;
        };
    }

    private Region place(String name) {
        Region place = places.get(name);
        if (place == null) {
            throw new IllegalArgumentException("no place " + name);
        }
        return place;
    }

    /** What it takes. */
    long bytes() {
        return memory.region().bytes();
    }

    /** Steps whose rows are in the tables at once. */
    int capacity() {
        return capacity;
    }

    /** What a generation starts from. */
    void begin(float[] sample, Batch batch, StepTables tables) {
        DeviceStream stream = lane.stream();
        sample(sample);
        // a table of the generation before may hold NaN, and 0 times NaN is NaN
        stream.copy(place("noise"), place("sample"));
        stream.copy(place("eps_prev"), place("sample"));
        if (batch.hint() != null) {
            stream.upload(place("hint"), batch.hint());
        }
        if (model.conditionWidth() == 0) {
            stream.upload(place("condition"), batch.conditions().classes());
        } else {
            stream.upload(place("condition"), batch.conditions().vectors());
        }
        for (StepTables.Kind kind : StepTables.Kind.values()) {
            stream.upload(place(kind.graph() + " advance"), tables.advance(kind));
        }
    }

    /** Replaces the sample [B,C,H,W]. */
    void sample(float[] sample) {
        lane.stream().upload(place("sample"), sample);
    }

    /** The sample [B,C,H,W] after all steps so far. */
    void read(float[] sample) {
        lane.stream().download(place("sample"), sample);
    }

    /** Fills the tables for the steps of a chunk, whose noise is given where there is any. */
    void fill(StepTables tables, StepTables.Chunk chunk, float[] noise, DeviceGraph conditioner) {
        DeviceStream stream = lane.stream();
        stream.upload(place("timesteps"), tables.timesteps(chunk, capacity));
        stream.upload(place("guidance"), tables.guidance(chunk));
        stream.upload(place("coefficients"), tables.coefficients(chunk));
        if (noise.length > 0) {
            Region all = place("noise");
            long before = place("sample").bytes();
            stream.upload(all.at(before, all.bytes() - before), noise);
        }
        List<StepTables.Segment> segments = tables.segments(chunk);
        for (int s = 0; s < segments.size(); s++) {
            stream.upload(startOf(s), segments.get(s).rows());
        }
        int columns = StepTables.columns(rows);
        Shape condition = Shape.of(model.conditionDims(columns));
        lane.run(
                conditioner,
                List.of(
                        new BoundTensor("timesteps", Shape.of(capacity), place("timesteps")),
                        new BoundTensor(GraphSignature.condition(model).name(), condition, place("condition")),
                        new BoundTensor(
                                "modulation",
                                Shape.of(capacity, columns, model.modulationSize()),
                                place("modulation"))));
    }

    private Region startOf(int segment) {
        long each = place("rows").bytes();
        return place("starts").at(segment * each, each);
    }

    /** Sets the rows to those of a segment: the {@code number}-th of the tables. */
    void start(int number) {
        lane.stream().copy(place("rows"), startOf(number));
    }

    /**
     * Hands {@code work} what gives one step to the device. The captured graph stays for later if the engine does; otherwise all steps are waited for
     * and it goes with the engine.
     */
    void with(StepTables.Kind kind, DeviceGraph graph, Consumer<Runnable> work) {
        graph.use(engine -> {
            try {
                work.accept(() -> captured(kind, graph, engine).graph().launch());
            } finally {
                if (!graph.resident()) {
                    lane.stream().synchronize();
                    uncapture();
                    lane.spare();
                }
            }
        });
    }

    /**
     * Times steps by the device's own clock, one given right after the other. The kind must be captured: that would count as part of the first.
     *
     * @param count of steps, whose rows are in the tables
     * @return milliseconds of each
     */
    List<Double> time(StepTables.Kind kind, DeviceGraph graph, int count) {
        List<DeviceEvent> events = new ArrayList<>();
        List<Double> millis = new ArrayList<>();
        try {
            for (int i = 0; i <= count; i++) {
                events.add(lane.stream().event());
            }
            with(kind, graph, launch -> {
                events.get(0).record();
                for (int i = 1; i <= count; i++) {
                    launch.run();
                    events.get(i).record();
                }
                events.get(count).await();
                for (int i = 1; i <= count; i++) {
                    millis.add(events.get(i).millisSince(events.get(i - 1)));
                }
            });
            return millis;
        } finally {
            events.forEach(DeviceEvent::close);
        }
    }

    private Captured captured(StepTables.Kind kind, DeviceGraph graph, Engine engine) {
        Captured step = captured.get(kind);
        if (step == null) {
            step = capture(kind, graph.signature(), engine);
            captured.put(kind, step);
        }
        return step;
    }

    private Captured capture(StepTables.Kind kind, GraphSignature signature, Engine engine) {
        DeviceStream stream = lane.stream();
        EngineContext context = engine.context();
        try {
            bind(kind, signature, context);
            context.arena(lane.arena(context.arenaBytes()));
            // what an engine allocates in its first run must not be captured; this one only writes what the next run
            // writes again
            context.enqueue(stream);
            stream.synchronize();
            return new Captured(context, stream.capture(() -> {
                context.enqueue(stream);
                stream.copy(place("noise"), place("sample"));
                stream.copy(read, written);
            }));
        } catch (RuntimeException e) {
            context.close();
            throw e;
        }
    }

    private void bind(StepTables.Kind kind, GraphSignature signature, EngineContext context) {
        int tableRows = capacity * StepTables.columns(rows);
        for (TensorSpec spec : Stream.of(signature.inputs(), signature.outputs())
                .flatMap(List::stream)
                .toList()) {
            Region region = switch (spec.name()) {
                case "advance" -> place(kind.graph() + " advance");
                case "modulation_uncond" -> place("modulation");
                default -> place(spec.name());
            };
            int length = switch (spec.name()) {
                case "modulation", "modulation_uncond", "guidance", "coefficients" -> tableRows;
                case "noise" -> StepTables.noiseRows(rows, capacity);
                default -> rows;
            };
            context.bind(spec.name(), spec.shape().with(0, length), region);
        }
    }

    /** Marks the end of step {@code i}. */
    void mark(int i) {
        marks.get(i % marks.size()).record();
    }

    /** Waits for the last or last but one step that was marked. */
    void await(int i) {
        marks.get(i % marks.size()).await();
    }

    /** Whether a graph is captured, which holds the arena's address. */
    boolean hasCaptured() {
        return !captured.isEmpty();
    }

    /** Frees the captured graphs, which are captured again when they are needed. */
    void uncapture() {
        captured.values().forEach(c -> {
            c.graph().close();
            c.context().close();
        });
        captured.clear();
    }

    @Override
    public void close() {
        lane.stream().synchronize();
        uncapture();
        marks.forEach(DeviceEvent::close);
        memory.close();
    }
}

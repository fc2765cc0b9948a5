package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.StepCoefficients;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.runtime.device.Device;
import org.maskrt.runtime.device.DeviceMemory;
import org.maskrt.runtime.device.DeviceStream;
import org.maskrt.runtime.device.Engine;
import org.maskrt.runtime.device.EngineContext;
import org.maskrt.runtime.device.EngineTensor;
import org.maskrt.runtime.device.Region;

/**
 * One run of an engine beside ONNX Runtime on the processor with the fp32 graph of the same model, before the engine is trusted. A step runs on
 * modulations that the fp32 conditioner gives for random timesteps and conditions, at DiT's published guidance; other inputs are N(0,1).
 */
public final class SelfCheck {
    private static final int BATCH = 2;
    private static final int TABLE_ROWS = 4;
    private static final int TIMESTEPS = 1000;
    private static final float GUIDANCE = 1.5f;
    private static final StepCoefficients COEFFICIENTS = new StepCoefficients(0.9, 0.3, 0.1, 0.2);
    private static final long SEED = 1;

    private final Denoiser model;
    private final Path graphs;
    private final Backend reference;
    private final Random random = new Random(SEED);

    private SelfCheck(Denoiser model, Path graphs, Backend reference) {
        this.model = model;
        this.graphs = graphs;
        this.reference = reference;
    }

    /** What an engine may differ by, relative to max|output|: fp16 and the TF32 of fp32 graphs have 10 bits, bf16 has 7. */
    public static double bound(String dtype) {
        return dtype.equals("bf16") ? 1e-2 : 3e-3;
    }

    /** The fp32 graphs that a comparison of engines of {@code graphs} runs. */
    public static List<String> references(List<String> graphs) {
        return graphs.stream()
                .flatMap(graph -> switch (graph) {
                    case "guided_step" -> Stream.of("guided_step", "conditioner");
                    case "half_step" -> Stream.of("denoiser", "conditioner");
                    default -> Stream.of(graph);
                })
                .distinct()
                .toList();
    }

    /**
     * Compares an engine with its fp32 graph.
     *
     * @param folder of the model, with its fp32 graphs in {@code onnx/}
     * @param graph that the engine was built from
     * @param bound for the difference relative to max|output|
     * @return the output that differs most
     * @throws org.maskrt.models.MaskRtException if the fp32 graph is missing, or a run fails
     */
    public static Parity compare(Path folder, String graph, Engine engine, Device device, double bound) {
        try (ModelFolder files = ModelFolder.open(folder);
                Backend reference = Backend.named(Backend.DEFAULT, 0)) {
            return new SelfCheck(files.denoiser(), reference.graphs(folder), reference)
                    .compare(graph, engine, device, bound);
        }
    }

    private Parity compare(String graph, Engine engine, Device device, double bound) {
        Map<String, Tensor> inputs = graph.endsWith("_step") ? stepInputs(engine) : inputs(engine);
        Map<String, Tensor> actual = run(engine, device, inputs);
        Map<String, Tensor> expected = switch (graph) {
            case "guided_step" -> guidedStep(inputs);
            case "half_step" -> halfStep(inputs);
            default -> run(signature(graph, engine), inputs);
        };
        Parity worst = new Parity(graph, 0, 1, 0, bound);
        for (Map.Entry<String, Tensor> output : expected.entrySet()) {
            Parity found = parity(output.getKey(), output.getValue(), get(actual, output.getKey()), bound);
            // NaN is worse than anything
            if (!(found.relative() <= worst.relative())) {
                worst = found;
            }
        }
        return worst;
    }

    private static Parity parity(String name, Tensor expected, Tensor actual, double bound) {
        if (!expected.isIndices()) {
            return Parity.of(name, expected, actual, bound);
        }
        boolean same = Arrays.equals(expected.indices(), actual.indices());
        return new Parity(name, same ? 0 : Double.POSITIVE_INFINITY, 1, 0, bound);
    }

    private static GraphSignature signature(String graph, Engine engine) {
        return new GraphSignature(
                graph,
                engine.inputs().stream().map(EngineTensor::spec).toList(),
                engine.outputs().stream().map(EngineTensor::spec).toList());
    }

    private Map<String, Tensor> inputs(Engine engine) {
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        for (EngineTensor input : engine.inputs()) {
            Shape shape = shape(input, BATCH);
            inputs.put(
                    input.spec().name(),
                    switch (input.spec().name()) {
                        case "class_labels" -> labels(shape);
                        case "timesteps", "timestep" -> integers(shape, TIMESTEPS);
                        case "hidden" -> integers(shape, 2);
                        default -> normal(shape);
                    });
        }
        return inputs;
    }

    private Map<String, Tensor> stepInputs(Engine engine) {
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        Map<String, Integer> lengths = new LinkedHashMap<>();
        for (EngineTensor input : engine.inputs()) {
            String name = input.spec().name();
            boolean table = input.spec().shape().dim(0) < 0
                    && List.of("modulation", "modulation_uncond", "guidance", "coefficients", "noise")
                            .contains(name);
            Shape shape = shape(input, table ? TABLE_ROWS : BATCH);
            lengths.put(name, shape.dim(0));
            switch (name) {
                case "modulation" -> inputs.put(name, modulation(shape, true));
                case "modulation_uncond" -> inputs.put(name, modulation(shape, false));
                case "guidance" -> inputs.put(name, guidance(shape));
                case "coefficients" -> inputs.put(name, coefficients(shape));
                case "rows", "advance" -> inputs.put(name, Tensor.ofIndices(new long[shape.size()], shape.dims()));
                default -> inputs.put(name, normal(shape));
            }
        }
        fillRows(inputs, lengths);
        return inputs;
    }

    /** Other rows for each sample, none of them the first where there are more. */
    private static void fillRows(Map<String, Tensor> inputs, Map<String, Integer> lengths) {
        Tensor rows = get(inputs, "rows");
        int tables = rows.shape().dim(1);
        List<String> read =
                tables == 3 ? List.of("modulation", "modulation_uncond", "noise") : List.of("modulation", "noise");
        for (int i = 0; i < rows.size(); i++) {
            int length = lengths.getOrDefault(read.get(i % tables), 1);
            rows.indices()[i] = (1L + i) % length;
            get(inputs, "advance").indices()[i] = 1L + i;
        }
    }

    private static Tensor get(Map<String, Tensor> tensors, String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalStateException("no tensor " + name);
        }
        return tensor;
    }

    private static Shape shape(EngineTensor input, int wanted) {
        Shape shape = input.spec().shape();
        for (int d = 0; d < shape.rank(); d++) {
            if (shape.dim(d) < 0) {
                int length =
                        Math.max(input.least().dim(d), Math.min(input.most().dim(d), wanted));
                shape = shape.with(d, length);
            }
        }
        return shape;
    }

    private Tensor normal(Shape shape) {
        float[] values = new float[shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Tensor.of(values, shape);
    }

    private Tensor integers(Shape shape, int limit) {
        float[] values = new float[shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextInt(limit);
        }
        return Tensor.of(values, shape);
    }

    private Tensor labels(Shape shape) {
        return Tensor.ofIndices(
                random.longs(shape.size(), 0, model.numClasses() + 1L).toArray(), shape.dims());
    }

    private static Tensor guidance(Shape shape) {
        float[] values = new float[shape.size()];
        Arrays.fill(values, GUIDANCE);
        return Tensor.of(values, shape);
    }

    private static Tensor coefficients(Shape shape) {
        float[] row = SamplingPlan.row(COEFFICIENTS);
        float[] values = new float[shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = row[i % row.length];
        }
        return Tensor.of(values, shape);
    }

    /** Rows [R,K] of random timesteps for one condition, or for the null condition. */
    private Tensor modulation(Shape shape, boolean conditional) {
        Shape one = Shape.of(model.conditionDims(1));
        Tensor condition = model.conditionWidth() == 0
                ? Tensor.ofIndices(
                        new long[] {conditional ? random.nextInt(model.numClasses()) : model.numClasses()}, 1)
                : conditional ? normal(one) : Tensor.zeros(one.dims());
        Map<String, Tensor> inputs = Map.of(
                "timesteps",
                integers(Shape.of(shape.dim(0)), TIMESTEPS),
                GraphSignature.condition(model).name(),
                condition);
        return Tensor.of(
                get(run(GraphSignature.conditioner(model), inputs), "modulation")
                        .values(),
                shape);
    }

    private Map<String, Tensor> guidedStep(Map<String, Tensor> inputs) {
        Map<String, Tensor> gathered = new LinkedHashMap<>(inputs);
        gathered.put("modulation", rows(inputs, "modulation", 0));
        gathered.put("guidance", rows(inputs, "guidance", 0));
        gathered.put("coefficients", rows(inputs, "coefficients", 0));
        gathered.put("modulation_uncond", rows(inputs, "modulation_uncond", 1));
        gathered.put("noise", rows(inputs, "noise", 2));
        gathered.keySet().removeAll(List.of("rows", "advance"));
        Map<String, Tensor> outputs = new LinkedHashMap<>(run(GraphSignature.guidedStep(model), gathered));
        outputs.put("next_rows", nextRows(inputs));
        return outputs;
    }

    private Map<String, Tensor> halfStep(Map<String, Tensor> inputs) {
        Map<String, Tensor> gathered = new LinkedHashMap<>(inputs);
        gathered.keySet().retainAll(List.of("sample", "hint"));
        gathered.put("modulation", rows(inputs, "modulation", 0));
        Tensor sample = get(inputs, "sample");
        Tensor out = get(run(GraphSignature.denoiser(model), gathered), "out_sample");
        int image = sample.size() / sample.shape().dim(0);
        int stride = out.size() / sample.shape().dim(0);
        float[] eps = new float[sample.size()];
        for (int i = 0; i < eps.length; i++) {
            eps[i] = out.values()[i / image * stride + i % image];
        }
        float[] next = new float[eps.length];
        COEFFICIENTS.apply(
                sample.values(),
                eps,
                get(inputs, "eps_prev").values(),
                rows(inputs, "noise", 1).values(),
                next);
        return Map.of(
                "next_sample", Tensor.of(next, sample.shape()),
                "eps", Tensor.of(eps, sample.shape()),
                "next_rows", nextRows(inputs));
    }

    private static Tensor nextRows(Map<String, Tensor> inputs) {
        Tensor rows = get(inputs, "rows");
        long[] next = rows.indices().clone();
        for (int i = 0; i < next.length; i++) {
            next[i] += get(inputs, "advance").indices()[i];
        }
        return Tensor.ofIndices(next, rows.shape().dims());
    }

    /** The rows of a table that {@code column} of the rows names. */
    private static Tensor rows(Map<String, Tensor> inputs, String name, int column) {
        Tensor table = get(inputs, name);
        Tensor rows = get(inputs, "rows");
        int batch = rows.shape().dim(0);
        int length = table.size() / table.shape().dim(0);
        float[] values = new float[batch * length];
        for (int b = 0; b < batch; b++) {
            int row = Math.toIntExact(rows.indices()[b * rows.shape().dim(1) + column]);
            System.arraycopy(table.values(), row * length, values, b * length, length);
        }
        return Tensor.of(values, table.shape().with(0, batch));
    }

    /** What the graph gives for {@code inputs} on ONNX Runtime. */
    private Map<String, Tensor> run(GraphSignature signature, Map<String, Tensor> inputs) {
        try (TensorPool pool = new TensorPool(reference);
                TensorPool.Lease tensors = pool.lease();
                Graph graph = reference.open(graphs.resolve(signature.name()), signature)) {
            Map<String, DeviceTensor> in = new LinkedHashMap<>();
            inputs.forEach((name, value) -> {
                int[] dims = value.shape().dims();
                if (value.isIndices()) {
                    DeviceTensor tensor = tensors.indices(dims);
                    tensor.writeIndices(value.indices());
                    in.put(name, tensor);
                } else {
                    DeviceTensor tensor = tensors.floats(dims);
                    tensor.write(value.values());
                    in.put(name, tensor);
                }
            });
            Map<String, DeviceTensor> out = new LinkedHashMap<>();
            shapes(signature.outputs(), inputs).forEach((name, shape) -> out.put(name, tensors.floats(shape.dims())));
            graph.bind(in, out).run();
            Map<String, Tensor> results = new LinkedHashMap<>();
            out.forEach((name, tensor) -> {
                float[] values = new float[tensor.shape().size()];
                tensor.read(values);
                results.put(name, Tensor.of(values, tensor.shape()));
            });
            return results;
        }
    }

    /** The shapes of outputs: the first axis is the batch, except in the conditioner's [S,B,K]. */
    private Map<String, Shape> shapes(List<TensorSpec> outputs, Map<String, Tensor> inputs) {
        Tensor times = inputs.get("timesteps");
        Map<String, Shape> shapes = new LinkedHashMap<>();
        if (times != null) {
            int conditions = batch(get(inputs, GraphSignature.condition(model).name()));
            outputs.forEach(out ->
                    shapes.put(out.name(), out.shape().with(0, times.size()).with(1, conditions)));
        } else {
            int batch = batch(
                    inputs.getOrDefault("sample", inputs.values().iterator().next()));
            outputs.forEach(out -> shapes.put(out.name(), out.shape().with(0, batch)));
        }
        return shapes;
    }

    private static int batch(Tensor tensor) {
        return tensor.shape().dim(0);
    }

    /** Device memory of one run. */
    private record Memory(Device device, List<DeviceMemory> all) implements AutoCloseable {
        Region allocate(long bytes) {
            DeviceMemory memory = device.allocate(bytes);
            all.add(memory);
            return memory.region();
        }

        @Override
        public void close() {
            all.forEach(DeviceMemory::close);
        }
    }

    /** What the engine gives for {@code inputs}. */
    private Map<String, Tensor> run(Engine engine, Device device, Map<String, Tensor> inputs) {
        try (Memory memory = new Memory(device, new ArrayList<>());
                DeviceStream stream = device.stream();
                EngineContext context = engine.context()) {
            inputs.forEach((name, value) -> {
                ElementType type = value.isIndices() ? ElementType.INT64 : ElementType.FP32;
                Region region = memory.allocate(DeviceArray.bytes(type, value.shape()));
                if (value.isIndices()) {
                    stream.upload(region, value.indices());
                } else {
                    stream.upload(region, value.values());
                }
                context.bind(name, value.shape(), region);
            });
            List<TensorSpec> outputs =
                    engine.outputs().stream().map(EngineTensor::spec).toList();
            Map<TensorSpec, Region> places = new LinkedHashMap<>();
            Map<String, Shape> shapes = shapes(outputs, inputs);
            for (TensorSpec symbolic : outputs) {
                TensorSpec output = new TensorSpec(
                        symbolic.name(), symbolic.type(), Objects.requireNonNull(shapes.get(symbolic.name())));
                Region region = memory.allocate(DeviceArray.bytes(output.type(), output.shape()));
                places.put(output, region);
                context.bind(output.name(), output.shape(), region);
            }
            context.arena(memory.allocate(Math.max(Device.ALIGNMENT, context.arenaBytes())));
            context.enqueue(stream);
            Map<String, Tensor> results = new LinkedHashMap<>();
            places.forEach((output, region) ->
                    results.put(output.name(), download(stream, output.type(), output.shape(), region)));
            return results;
        }
    }

    private static Tensor download(DeviceStream stream, ElementType type, Shape shape, Region region) {
        if (type == ElementType.INT64) {
            long[] values = new long[shape.size()];
            stream.download(region, values);
            return Tensor.ofIndices(values, shape.dims());
        }
        float[] values = new float[shape.size()];
        stream.download(region, values);
        return Tensor.of(values, shape);
    }
}

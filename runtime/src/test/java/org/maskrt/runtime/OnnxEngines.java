package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.device.CpuDevice;
import org.maskrt.runtime.device.Engine;
import org.maskrt.runtime.device.EngineSource;
import org.maskrt.runtime.device.EngineTensor;

/** The graphs that TensorRT would get as engines of a {@link CpuDevice}, run by ONNX Runtime. */
public final class OnnxEngines implements EngineSource {
    private final CpuDevice device;
    private final UnaryOperator<Tensor> change;
    private final Backend backend = Backend.named(Backend.DEFAULT, 1);
    private final Deque<Graph> open = new ArrayDeque<>();

    /** @param change what happens to every fp32 output, as if kernels were wrong */
    public OnnxEngines(CpuDevice device, UnaryOperator<Tensor> change) {
        this.device = device;
        this.change = change;
    }

    /** A pipeline whose backend is the device with these engines. */
    public static DiffusionPipeline pipeline(Path folder, CpuDevice device) {
        return DiffusionPipeline.open(
                folder,
                PipelineOptions.DEFAULT,
                () -> new DeviceBackend("double", device, new OnnxEngines(device, t -> t), 1));
    }

    /** A meter of the device with these engines. */
    public static LoopMeter meter(Path folder, CpuDevice device, PipelineOptions options, int steps) {
        return new LoopMeter(
                folder,
                DiffusionPipeline.read(folder),
                new DeviceBackend("double", device, new OnnxEngines(device, t -> t), 1),
                options,
                steps);
    }

    @Override
    public String description() {
        return "exported graphs";
    }

    @Override
    public Engine open(Path folder, GraphSignature graph) {
        Graph session = backend.open(folder, graph);
        open.push(session);
        return device.engine(
                folder.toString(),
                session.signature().inputs().stream().map(OnnxEngines::any).toList(),
                session.signature().outputs().stream().map(OnnxEngines::any).toList(),
                256,
                (in, out) -> run(session, in, out));
    }

    private static EngineTensor any(TensorSpec spec) {
        Shape least = spec.shape();
        Shape most = spec.shape();
        for (int d = 0; d < spec.shape().rank(); d++) {
            if (spec.shape().dim(d) < 0) {
                least = least.with(d, 1);
                most = most.with(d, 1000);
            }
        }
        return new EngineTensor(spec, least, most);
    }

    private Map<String, Tensor> run(Graph graph, Map<String, Tensor> in, Map<String, Shape> out) {
        try (TensorPool pool = new TensorPool(backend);
                TensorPool.Lease tensors = pool.lease()) {
            Map<String, DeviceTensor> inputs = new LinkedHashMap<>();
            in.forEach((name, value) -> {
                if (value.isIndices()) {
                    inputs.put(name, tensors.indices(value.shape().dims()));
                    inputs.get(name).writeIndices(value.indices());
                } else {
                    inputs.put(name, tensors.floats(value.shape().dims()));
                    inputs.get(name).write(value.values());
                }
            });
            Map<String, DeviceTensor> outputs = new LinkedHashMap<>();
            for (TensorSpec spec : graph.signature().outputs()) {
                int[] dims = out.get(spec.name()).dims();
                outputs.put(
                        spec.name(), spec.type() == ElementType.FP32 ? tensors.floats(dims) : tensors.indices(dims));
            }
            graph.bind(inputs, outputs).run();
            Map<String, Tensor> results = new LinkedHashMap<>();
            outputs.forEach((name, tensor) -> results.put(name, read(tensor)));
            return results;
        }
    }

    private Tensor read(DeviceTensor tensor) {
        if (tensor.type() == ElementType.INT64) {
            long[] values = new long[tensor.shape().size()];
            ((OrtTensor) tensor).handle().getLongBuffer().get(values);
            return Tensor.ofIndices(values, tensor.shape().dims());
        }
        float[] values = new float[tensor.shape().size()];
        tensor.read(values);
        return change.apply(Tensor.of(values, tensor.shape()));
    }

    @Override
    public Sizes sizes(Path folder) {
        return null;
    }

    @Override
    public void close() {
        open.forEach(Graph::close);
        backend.close();
    }
}

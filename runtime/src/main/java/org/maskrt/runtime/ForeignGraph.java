package org.maskrt.runtime;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/**
 * An ONNX file of another maker, such as a classifier or a metric: fp32 tensors in and out under the names that the file has. Its outputs may
 * have whatever shape, so they are copied; graphs of a model folder are opened by {@link Backend#open}. For use by one thread at a time.
 */
public final class ForeignGraph implements AutoCloseable {
    private final Path file;
    private final OrtEnvironment environment;
    private final OrtSession session;
    private final OrtSession.SessionOptions options;
    private final Map<String, Shape> inputs;
    private final Map<String, Shape> outputs;
    private final Map<String, FloatBuffer> buffers = new HashMap<>();
    private boolean closed;

    private ForeignGraph(Path file, OrtEnvironment environment, OrtSession session, OrtSession.SessionOptions options) {
        this.file = file;
        this.environment = environment;
        this.session = session;
        this.options = options;
        this.inputs = OrtErrors.checked(
                ExitCode.FAILURE, () -> file + ": cannot list the inputs", () -> shapes(session.getInputInfo()));
        this.outputs = OrtErrors.checked(
                ExitCode.FAILURE, () -> file + ": cannot list the outputs", () -> shapes(session.getOutputInfo()));
    }

    /** Takes over {@code options}, unless this fails. */
    static ForeignGraph open(Path file, OrtEnvironment environment, OrtSession.SessionOptions options) {
        if (!Files.isRegularFile(file)) {
            throw new MaskRtException(ExitCode.FAILURE, file + ": there is no such ONNX file; check the path");
        }
        OrtSession session = OrtErrors.checked(
                ExitCode.FAILURE,
                () -> file + ": expected an ONNX graph, ONNX Runtime cannot open it; export it again",
                () -> environment.createSession(file.toString(), options));
        return new ForeignGraph(file, environment, session, options);
    }

    private static Map<String, Shape> shapes(Map<String, NodeInfo> infos) {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        infos.forEach((name, info) -> {
            if (info.getInfo() instanceof TensorInfo t && t.type == OnnxJavaType.FLOAT) {
                shapes.put(
                        name,
                        Shape.of(Arrays.stream(t.getShape())
                                .mapToInt(d -> d < 0 ? Shape.BATCH : Math.toIntExact(d))
                                .toArray()));
            }
        });
        return shapes;
    }

    /** Its fp32 inputs in the file's order; -1 stands for every length that is not fixed. */
    public Map<String, Shape> inputs() {
        return new LinkedHashMap<>(inputs);
    }

    /** Its fp32 outputs in the file's order; -1 stands for every length that is not fixed. */
    public Map<String, Shape> outputs() {
        return new LinkedHashMap<>(outputs);
    }

    /**
     * Runs the graph.
     *
     * @param values one tensor for every input, by name
     * @param wanted the outputs to compute
     * @throws MaskRtException if ONNX Runtime refuses the inputs, or the run fails
     */
    public Map<String, Tensor> run(Map<String, Tensor> values, Set<String> wanted) {
        return OrtErrors.checked(
                ExitCode.FAILURE,
                () -> file + ": expected inputs " + inputs + ", the run on " + values + " failed; check the graph",
                () -> execute(values, wanted));
    }

    private Map<String, Tensor> execute(Map<String, Tensor> values, Set<String> wanted) throws OrtException {
        Map<String, OnnxTensor> feeds = new LinkedHashMap<>();
        try {
            for (Map.Entry<String, Tensor> e : values.entrySet()) {
                long[] dims = Arrays.stream(e.getValue().shape().dims())
                        .asLongStream()
                        .toArray();
                FloatBuffer buffer = buffer(e.getKey(), e.getValue().size());
                buffer.put(e.getValue().values()).flip();
                feeds.put(e.getKey(), OnnxTensor.createTensor(environment, buffer, dims));
            }
            Map<String, Tensor> results = new LinkedHashMap<>();
            try (OrtSession.Result result = session.run(feeds, wanted)) {
                for (String name : wanted) {
                    results.put(name, copy((OnnxTensor) result.get(name).orElseThrow()));
                }
            }
            return results;
        } finally {
            feeds.values().forEach(OnnxTensor::close);
        }
    }

    /** Memory outside the heap, kept for the next run: what is left behind there is freed late. */
    private FloatBuffer buffer(String input, int size) {
        FloatBuffer buffer = buffers.get(input);
        if (buffer == null || buffer.capacity() < size) {
            buffer = ByteBuffer.allocateDirect(Math.multiplyExact(size, Float.BYTES))
                    .order(ByteOrder.nativeOrder())
                    .asFloatBuffer();
            buffers.put(input, buffer);
        }
        return buffer.clear().limit(size);
    }

    private static Tensor copy(OnnxTensor t) {
        FloatBuffer buffer = t.getFloatBuffer();
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return Tensor.of(
                values,
                Arrays.stream(t.getInfo().getShape()).mapToInt(Math::toIntExact).toArray());
    }

    /** Frees the graph; closing again does nothing. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            OrtErrors.checked(ExitCode.FAILURE, () -> file + ": cannot close the graph", () -> {
                session.close();
                return true;
            });
            options.close();
        }
    }
}

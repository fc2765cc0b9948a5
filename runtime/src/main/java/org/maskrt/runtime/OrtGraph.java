package org.maskrt.runtime;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.Collectors;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;

/** One ONNX Runtime session. */
final class OrtGraph implements Graph {
    /** What other exporters call the inputs of a diffusion transformer. */
    private static final Map<String, String> ALIASES = Map.of("sample", "x", "timestep", "t", "class_labels", "y");

    private final Path file;
    private final OrtSession session;
    private final GraphSignature signature;
    private final OrtSession.SessionOptions options;
    private final Map<String, String> fileNames;
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private boolean closed;

    private OrtGraph(
            Path file,
            OrtSession session,
            OrtSession.SessionOptions options,
            Map<String, String> fileNames,
            GraphSignature signature) {
        this.file = file;
        this.session = session;
        this.options = options;
        this.fileNames = fileNames;
        this.signature = signature;
    }

    /**
     * Takes over {@code session} and {@code options}, which must live as long.
     *
     * @throws MaskRtException if the graph does not take and give what is expected; the session is closed then, the options are not
     */
    static OrtGraph over(Path file, OrtSession session, OrtSession.SessionOptions options, GraphSignature expected) {
        try {
            Map<String, TensorSpec> inputs = OrtErrors.checked(
                    ExitCode.FAILURE, () -> file + ": cannot list the inputs", () -> specs(session.getInputInfo()));
            Map<String, TensorSpec> outputs = OrtErrors.checked(
                    ExitCode.FAILURE, () -> file + ": cannot list the outputs", () -> specs(session.getOutputInfo()));
            Map<String, String> fileNames = new HashMap<>();
            List<TensorSpec> wanted = new ArrayList<>(expected.inputs());
            expected.optional().stream()
                    .filter(spec -> inputs.containsKey(spec.name()))
                    .forEach(wanted::add);
            List<TensorSpec> taken = match(file, "input", wanted, inputs, fileNames);
            List<TensorSpec> given = match(file, "output", expected.outputs(), outputs, fileNames);
            if (inputs.size() > taken.size()) {
                throw refused(file, "inputs " + expected.inputs() + " and no other", inputs);
            }
            GraphSignature signature = new GraphSignature(expected.name(), taken, given);
            return new OrtGraph(file, session, options, fileNames, signature);
        } catch (RuntimeException e) {
            close(file, session);
            throw e;
        }
    }

    private static Map<String, TensorSpec> specs(Map<String, NodeInfo> infos) {
        Map<String, TensorSpec> specs = new HashMap<>();
        infos.forEach((name, info) -> {
            if (info.getInfo() instanceof TensorInfo t
                    && (t.type == OnnxJavaType.FLOAT || t.type == OnnxJavaType.INT64)) {
                int[] dims = new int[t.getShape().length];
                for (int i = 0; i < dims.length; i++) {
                    dims[i] = t.getShape()[i] < 0 ? Shape.BATCH : Math.toIntExact(t.getShape()[i]);
                }
                ElementType type = t.type == OnnxJavaType.FLOAT ? ElementType.FP32 : ElementType.INT64;
                specs.put(name, new TensorSpec(name, type, Shape.of(dims)));
            }
        });
        return specs;
    }

    private static List<TensorSpec> match(
            Path file,
            String kind,
            List<TensorSpec> wanted,
            Map<String, TensorSpec> have,
            Map<String, String> fileNames) {
        List<TensorSpec> found = new ArrayList<>();
        for (TensorSpec want : wanted) {
            String alias = ALIASES.getOrDefault(want.name(), want.name());
            String name = have.containsKey(want.name()) ? want.name() : alias;
            TensorSpec spec = have.get(name);
            if (spec == null || !want.accepts(spec.type(), spec.shape())) {
                throw refused(file, kind + " " + want, have);
            }
            fileNames.put(want.name(), name);
            found.add(new TensorSpec(want.name(), spec.type(), spec.shape()));
        }
        return found;
    }

    private static MaskRtException refused(Path file, String want, Map<String, TensorSpec> have) {
        String found = have.values().stream().map(TensorSpec::toString).sorted().collect(Collectors.joining(", "));
        return new MaskRtException(
                ExitCode.FAILURE,
                file + ": expected the " + want + ", the graph has " + found + "; export the model again");
    }

    @Override
    public GraphSignature signature() {
        return signature;
    }

    @Override
    public Binding bind(Map<String, ? extends DeviceTensor> inputs, Map<String, ? extends DeviceTensor> outputs) {
        signature.requireFit(file, inputs, outputs);
        Map<String, OnnxTensor> in = handles(inputs);
        Map<String, OnnxTensor> out = handles(outputs);
        List<DeviceTensor> all = new ArrayList<>(inputs.values());
        all.addAll(outputs.values());
        return () -> {
            // a freed tensor must not reach the native run
            all.forEach(t -> ((OrtTensor) t).requireOpen());
            run(in, out);
        };
    }

    private Map<String, OnnxTensor> handles(Map<String, ? extends DeviceTensor> tensors) {
        Map<String, OnnxTensor> handles = new HashMap<>();
        tensors.forEach(
                (name, tensor) -> handles.put(fileNames.getOrDefault(name, name), ((OrtTensor) tensor).handle()));
        return handles;
    }

    private void run(Map<String, OnnxTensor> inputs, Map<String, OnnxTensor> outputs) {
        lock.readLock().lock();
        try {
            if (closed) {
                throw new MaskRtException(ExitCode.FAILURE, file + ": the graph is closed");
            }
            OrtErrors.checked(ExitCode.FAILURE, () -> file + ": the run failed", () -> execute(inputs, outputs));
        } finally {
            lock.readLock().unlock();
        }
    }

    private boolean execute(Map<String, OnnxTensor> inputs, Map<String, OnnxTensor> outputs) throws OrtException {
        try (OrtSession.Result result = session.run(inputs, outputs)) {
            return result.size() > 0;
        }
    }

    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                close(file, session);
                options.close();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    private static void close(Path file, OrtSession session) {
        OrtErrors.checked(ExitCode.FAILURE, () -> file + ": cannot close the graph", () -> {
            session.close();
            return true;
        });
    }
}

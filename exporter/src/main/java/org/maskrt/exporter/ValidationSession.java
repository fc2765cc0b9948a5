package org.maskrt.exporter;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.maskrt.models.ByteProducts;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Tensor;

/** A written graph, open in ONNX Runtime on the CPU. For validation: inputs and outputs are copied. */
public final class ValidationSession implements AutoCloseable {
    private final Path model;
    private final OrtSession session;

    private ValidationSession(Path model, OrtSession session) {
        this.model = model;
        this.session = session;
    }

    /**
     * Opens {@code model}.
     *
     * @throws MaskRtException FAILURE if a file is missing or damaged, or ONNX Runtime refuses the model
     */
    public static ValidationSession open(Path model) {
        OnnxFile.requireData(model);
        return open(model, model, OptLevel.ALL_OPT);
    }

    /**
     * Opens {@code model} so that its 16-bit operations run in fp32 and each of their results is rounded to the 16-bit type: what hardware with that
     * type stores, on a CPU without it.
     *
     * @throws MaskRtException FAILURE if a file is missing or damaged, its folder is not writable, or ONNX Runtime refuses the model
     */
    public static ValidationSession openRounded(Path model) {
        // An optimiser could take two casts that follow each other for none.
        return openChanged(model, "rounded", RoundedGraph::of, OptLevel.NO_OPT);
    }

    /**
     * Opens {@code model} with a further output for each of {@code paths} that it has: what the layer there computes.
     *
     * @throws MaskRtException as {@link #openRounded} does
     */
    public static ValidationSession openTapped(Path model, Collection<String> paths) {
        return openChanged(model, "tapped", proto -> TappedGraph.of(proto, paths), OptLevel.ALL_OPT);
    }

    /**
     * {@link #openTapped} and {@link #openRounded} in one.
     *
     * @throws MaskRtException as {@link #openRounded} does
     */
    public static ValidationSession openTappedRounded(Path model, Collection<String> paths) {
        return openChanged(model, "tapped", proto -> RoundedGraph.of(TappedGraph.of(proto, paths)), OptLevel.NO_OPT);
    }

    private static ValidationSession openChanged(
            Path model, String name, UnaryOperator<ModelProto> change, OptLevel level) {
        OnnxFile.requireData(model);
        // Beside it, because it has the same data file.
        Path changed = model.resolveSibling("." + model.getFileName() + "." + name);
        try {
            Files.write(changed, change.apply(OnnxFile.read(model)).toByteArray());
            return open(model, changed, level);
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    changed + ": cannot be written: " + OnnxFile.reason(e) + "; make room there for the comparison",
                    e);
        } finally {
            delete(changed);
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            System.getLogger(ValidationSession.class.getName())
                    .log(System.Logger.Level.WARNING, file + " could not be removed: " + OnnxFile.reason(e));
        }
    }

    private static ValidationSession open(Path model, Path file, OptLevel level) {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setOptimizationLevel(level);
            options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            // Without VNNI, products of uint8 and int8 saturate at 16 bits; this takes uint8 and uint8 there.
            if (!ByteProducts.exact()) {
                options.addConfigEntry("session.x64quantprecision", "1");
            }
            if (hasFp8(file)) {
                // It would fuse them into integer products, which it then refuses.
                options.addConfigEntry("session.disable_quant_qdq", "1");
            }
            // One run each: threads that wait busily for the next, and memory kept for it, would only be in the way.
            options.addConfigEntry("session.intra_op.allow_spinning", "0");
            options.setCPUArenaAllocator(false);
            options.setMemoryPatternOptimization(false);
            return new ValidationSession(model, environment().createSession(file.toString(), options));
        } catch (OrtException e) {
            throw failure(model, "opening", e);
        }
    }

    private static boolean hasFp8(Path file) {
        return OnnxFile.read(file).getGraph().getInitializerList().stream()
                .anyMatch(t -> t.getDataType() == OnnxType.FLOAT8E4M3FN.proto().getNumber());
    }

    /** The environment of the whole process: whoever asks first names it, so everyone asks alike. */
    private static OrtEnvironment environment() {
        return OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "maskrt");
    }

    /** The names of its inputs. */
    public Set<String> inputs() {
        return session.getInputNames();
    }

    /** All outputs, by name. */
    public Map<String, Tensor> run(Map<String, Tensor> inputs) {
        Map<String, OnnxTensor> feeds = new LinkedHashMap<>();
        try {
            for (Map.Entry<String, Tensor> in : inputs.entrySet()) {
                feeds.put(in.getKey(), tensor(in.getValue()));
            }
            try (OrtSession.Result result = session.run(feeds)) {
                Map<String, Tensor> outputs = new LinkedHashMap<>();
                for (Map.Entry<String, OnnxValue> out : result) {
                    outputs.put(out.getKey(), tensor((OnnxTensor) out.getValue()));
                }
                return outputs;
            }
        } catch (OrtException e) {
            throw failure(model, "running", e);
        } finally {
            feeds.values().forEach(OnnxTensor::close);
        }
    }

    private static OnnxTensor tensor(Tensor t) throws OrtException {
        OrtEnvironment environment = environment();
        long[] dims = Arrays.stream(t.shape().dims()).asLongStream().toArray();
        return t.isIndices()
                ? OnnxTensor.createTensor(environment, LongBuffer.wrap(t.indices()), dims)
                : OnnxTensor.createTensor(environment, FloatBuffer.wrap(t.values()), dims);
    }

    private static Tensor tensor(OnnxTensor t) {
        int[] dims =
                Arrays.stream(t.getInfo().getShape()).mapToInt(Math::toIntExact).toArray();
        if (t.getInfo().type == OnnxJavaType.INT64) {
            LongBuffer buffer = t.getLongBuffer();
            long[] indices = new long[buffer.remaining()];
            buffer.get(indices);
            return Tensor.ofIndices(indices, dims);
        }
        FloatBuffer buffer = t.getFloatBuffer();
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return Tensor.of(values, dims);
    }

    private static MaskRtException failure(Path model, String what, OrtException e) {
        return new MaskRtException(
                ExitCode.FAILURE,
                model + ": " + what + " it failed, ONNX Runtime says: "
                        + String.valueOf(e.getMessage()).strip().replaceAll("\\s*\\n\\s*", " ")
                        + "; export the model again",
                e);
    }

    @Override
    public void close() {
        try {
            session.close();
        } catch (OrtException e) {
            throw failure(model, "closing", e);
        }
    }
}

package org.maskrt.exporter;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
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

    /** @throws MaskRtException FAILURE if a file is missing or damaged, or ONNX Runtime refuses the model */
    public static ValidationSession open(Path model) {
        OnnxFile.requireData(model);
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            return new ValidationSession(model, OrtEnvironment.getEnvironment().createSession(model.toString(), options));
        } catch (OrtException e) {
            throw failure(model, "opening", e);
        }
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
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        long[] dims = Arrays.stream(t.shape().dims()).asLongStream().toArray();
        return t.isIndices()
                ? OnnxTensor.createTensor(environment, LongBuffer.wrap(t.indices()), dims)
                : OnnxTensor.createTensor(environment, FloatBuffer.wrap(t.values()), dims);
    }

    private static Tensor tensor(OnnxTensor t) {
        int[] dims = Arrays.stream(t.getInfo().getShape()).mapToInt(Math::toIntExact).toArray();
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

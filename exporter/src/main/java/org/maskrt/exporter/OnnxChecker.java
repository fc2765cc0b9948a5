package org.maskrt.exporter;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.onnx.OpSchemaRegistry;
import org.bytedeco.onnx.ShapeInferenceOptions;
import org.bytedeco.onnx.StringTensorShapeProtoMap;
import org.bytedeco.onnx.global.onnx;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * ONNX's own checker and shape inference, by path, so that models over 2 GB work. Nodes of other domains, such as com.microsoft's, have no
 * schema there: they are passed over, and only ONNX Runtime judges them.
 */
public final class OnnxChecker {
    /** One fault makes the checker complain about every node after it. */
    private static final int MESSAGE_LENGTH = 400;

    private OnnxChecker() {}

    /**
     * Loads the checker's native library.
     *
     * @return the newest IR version that it knows
     * @throws LinkageError if there is none for this platform
     */
    public static int irVersion() {
        Loader.load(onnx.class);
        return onnx.IR_VERSION;
    }

    /**
     * Checks {@code model} and its inferred output types.
     *
     * @throws MaskRtException FAILURE if the file breaks the specification, ENVIRONMENT if the checker's native library does not load
     */
    public static void check(Path model) {
        OnnxFile.requireData(model);
        ModelProto declared = OnnxFile.read(model);
        boolean custom = declared.getOpsetImportList().stream()
                .anyMatch(opset -> !opset.getDomain().isEmpty());
        Path inferred = model.resolveSibling("." + model.getFileName() + ".inferred");
        try {
            onnx.check_model(model.toString(), true, false, !custom);
            // The registry and the map must not be null: the native code does not look.
            try (ShapeInferenceOptions options = new ShapeInferenceOptions(true, 1, true);
                    StringTensorShapeProtoMap known = new StringTensorShapeProtoMap()) {
                onnx.InferShapes(model.toString(), inferred.toString(), OpSchemaRegistry.Instance(), options, known);
            }
            List<ValueInfoProto> outputs = OnnxFile.read(inferred).getGraph().getOutputList();
            if (!outputs.equals(declared.getGraph().getOutputList())) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        model + ": expected the outputs "
                                + flat(declared.getGraph().getOutputList()) + ", shape inference gave " + flat(outputs)
                                + "; report this as a bug");
            }
        } catch (MaskRtException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    model + ": expected a valid ONNX model, the checker says: " + flat(e.getMessage())
                            + "; export it again",
                    e);
        } catch (LinkageError e) {
            throw new MaskRtException(
                    ExitCode.ENVIRONMENT,
                    "expected ONNX's checker for this platform, received " + flat(e.getMessage())
                            + "; export with validation off, or add org.bytedeco:onnx for the platform",
                    e);
        } finally {
            delete(inferred);
        }
    }

    private static String flat(@Nullable Object text) {
        String line = String.valueOf(text).strip().replaceAll("\\s*\\n\\s*", " ");
        return line.length() <= MESSAGE_LENGTH ? line : line.substring(0, MESSAGE_LENGTH) + " ...";
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            // It lies in a folder that is discarded or replaced as a whole.
        }
    }
}

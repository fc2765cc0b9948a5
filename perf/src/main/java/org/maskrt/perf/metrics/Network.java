package org.maskrt.perf.metrics;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/** A network that the user gives: fp32 tensors in and out, by name. For use by one thread. */
interface Network extends AutoCloseable {
    /**
     * Opens an ONNX file (.onnx) or a TorchScript module (.pt or .ts).
     *
     * @param inputs how many batches of pictures a TorchScript module takes, which does not say so itself
     * @param threads of ONNX Runtime; 0 for one per core
     * @throws MaskRtException if it is missing or damaged, or of another kind
     */
    static Network open(Path file, int inputs, int threads) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        if (name.endsWith(".onnx")) {
            return new OnnxNetwork(file, threads);
        }
        if (name.endsWith(".pt") || name.endsWith(".ts")) {
            return new TorchScriptNetwork(file, inputs);
        }
        throw new MaskRtException(
                ExitCode.USAGE,
                file + ": expected a network as .onnx (ONNX), or as .pt or .ts (TorchScript), received another ending;"
                        + " export or rename it");
    }

    /** What it takes, in order, with {@link Shape#BATCH} for every length that is not fixed. */
    Map<String, Shape> inputs();

    /** What it gives, in order, with {@link Shape#BATCH} for every length that is not fixed. */
    Map<String, Shape> outputs();

    /** The wanted outputs. */
    Map<String, Tensor> run(Map<String, Tensor> inputs, Set<String> wanted);

    @Override
    void close();
}

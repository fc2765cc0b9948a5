package org.maskrt.runtime;

import java.nio.file.Path;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** Where graphs run. The caller names the backend, and gets that one or an error. */
public interface Backend extends AutoCloseable {
    /** The backend that is taken when none is named. */
    String DEFAULT = OrtDevice.CPU.label();

    /**
     * The backend of this name.
     *
     * @param threads for the work inside one run; 0 for one per core
     * @throws MaskRtException if there is no such backend, or it is not in this build
     */
    static Backend named(String name, int threads) {
        for (OrtDevice device : OrtDevice.values()) {
            if (name.equals(device.label())) {
                return new OrtBackend(device, threads);
            }
        }
        if (name.equals("trt")) {
            throw new MaskRtException(
                    ExitCode.ENVIRONMENT,
                    "the backend " + name + " is not available in this build; use --backend " + DEFAULT);
        }
        throw new MaskRtException(
                ExitCode.USAGE, "there is no backend " + name + "; use --backend ort-cpu, ort-cuda, ort-trt or trt");
    }

    String name();

    /** Name and version of what runs the graphs. */
    String description();

    /**
     * Loads a graph.
     *
     * @param folder holds {@code model.onnx}, its data file and {@code export.json}
     * @param expected what the graph must take and give
     * @throws MaskRtException if a file is missing or damaged, or the graph is another
     */
    Graph open(Path folder, GraphSignature expected);

    /** An fp32 tensor of zeros. */
    DeviceTensor floats(int... dims);

    /** An int64 tensor of zeros. */
    DeviceTensor indices(int... dims);

    /** Frees what the backend holds; graphs and tensors must be closed before. Closing again does nothing. */
    @Override
    void close();
}

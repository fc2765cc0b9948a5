package org.maskrt.runtime;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.runtime.device.MemoryUse;

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
        if (name.equals(DeviceBackend.TENSORRT)) {
            return DeviceBackend.tensorRt();
        }
        throw new MaskRtException(
                ExitCode.USAGE, "there is no backend " + name + "; use --backend ort-cpu, ort-cuda, ort-trt or trt");
    }

    String name();

    /** Name and version of what runs the graphs. */
    String description();

    /** Where in a model folder the graphs are that this backend runs. */
    default Path graphs(Path model) {
        return model.resolve("onnx");
    }

    /**
     * The channels that the graph {@code guided_step} guides.
     *
     * @param folder of the graph
     * @throws MaskRtException if the report of its export is missing or damaged
     */
    default GuidedChannels guidedChannels(Path folder) {
        return ExportInfo.read(folder).guidedChannels();
    }

    /** The most memory that its device had in use since it was opened; null where it computes in the host's memory. */
    default @Nullable MemoryUse peakMemory() {
        return null;
    }

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

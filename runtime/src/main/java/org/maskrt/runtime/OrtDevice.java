package org.maskrt.runtime;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtProvider;
import ai.onnxruntime.OrtSession.SessionOptions;
import ai.onnxruntime.providers.OrtCUDAProviderOptions;
import ai.onnxruntime.providers.OrtTensorRTProviderOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.Sha256;
import org.maskrt.runtime.trt.GpuLibrary;

/** Where ONNX Runtime runs graphs. */
public enum OrtDevice {
    /** The processor. */
    CPU("ort-cpu", "export it again") {
        @Override
        void requireAvailable() {}

        @Override
        void add(SessionOptions options, Path folder) {}
    },
    /** A GPU, by CUDA. */
    CUDA("ort-cuda", "see that CUDA 12 and cuDNN 9 are where the system finds libraries, and `nvidia-smi` works") {
        @Override
        void requireAvailable() {
            require(OrtProvider.CUDA);
        }

        @Override
        void add(SessionOptions options, Path folder) throws OrtException {
            addCuda(options);
        }
    },
    /** A GPU, by TensorRT as far as it knows the operations, else by CUDA. */
    TENSORRT(
            "ort-trt",
            "see that TensorRT 10, CUDA 12 and cuDNN 9 are where the system finds libraries, and `nvidia-smi` works") {
        @Override
        void requireAvailable() {
            require(OrtProvider.TENSOR_RT);
        }

        @Override
        void add(SessionOptions options, Path folder) throws OrtException {
            // beside the graphs: an export replaces their folders
            Path engines = folder.resolve("../../engine/ort-trt").normalize();
            try (OrtTensorRTProviderOptions tensorrt = new OrtTensorRTProviderOptions(0)) {
                tensorrt.add("trt_engine_cache_enable", "1");
                tensorrt.add("trt_engine_cache_path", engines.toString());
                tensorrt.add("trt_engine_cache_prefix", enginePrefix(folder));
                tensorrt.add("trt_timing_cache_enable", "1");
                tensorrt.add("trt_timing_cache_path", engines.toString());
                tensorrt.add("trt_fp16_enable", dtype(folder).equals("fp16") ? "1" : "0");
                options.addTensorrt(tensorrt);
            }
            addCuda(options);
        }
    };

    private static final int PREFIX_DIGITS = 16;

    private final String label;
    private final String hint;

    OrtDevice(String label, String hint) {
        this.label = label;
        this.hint = hint;
    }

    /** The name of the backend that runs graphs there. */
    public String label() {
        return label;
    }

    /** What to do where a graph cannot be opened. */
    String hint() {
        return hint;
    }

    /** @throws MaskRtException ENVIRONMENT if this build or this machine cannot run graphs there */
    abstract void requireAvailable();

    /** Makes a session run there. */
    abstract void add(SessionOptions options, Path folder) throws OrtException;

    void require(OrtProvider provider) {
        if (!OrtEnvironment.getAvailableProviders().contains(provider)) {
            throw new MaskRtException(
                    ExitCode.ENVIRONMENT,
                    label
                            + ": this build has ONNX Runtime for processors only; build with MASKRT_BUILD=-Pgpu-ort, or use"
                            + " --backend ort-cpu");
        }
        if (GpuLibrary.DRIVER.place() == null) {
            throw new MaskRtException(
                    ExitCode.ENVIRONMENT,
                    label + ": " + GpuLibrary.DRIVER.file() + " is missing; " + GpuLibrary.DRIVER.fix()
                            + ", or use --backend ort-cpu");
        }
    }

    private static void addCuda(SessionOptions options) throws OrtException {
        try (OrtCUDAProviderOptions cuda = new OrtCUDAProviderOptions(0)) {
            // fp32 is meant where a graph says so
            cuda.add("use_tf32", "0");
            options.addCUDA(cuda);
        }
    }

    /**
     * What the files of a graph's engines begin with. ONNX Runtime itself tells engines apart by little more than the names in a graph, and by the
     * GPU's architecture, which it appends.
     */
    static String enginePrefix(Path folder) {
        try {
            String hash = new Sha256()
                    .add(folder.resolve("model.onnx"))
                    .add(ExportInfo.read(folder).weightsSha256().getBytes(StandardCharsets.US_ASCII))
                    .hex()
                    .substring(0, PREFIX_DIGITS);
            return folder.getFileName() + "_" + dtype(folder) + "_" + hash;
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE, folder + ": cannot be read: " + OrtErrors.oneLine(e) + "; export it again", e);
        }
    }

    private static String dtype(Path folder) {
        return ExportInfo.read(folder).dtype();
    }
}

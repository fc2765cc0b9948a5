package org.maskrt.runtime.trt;

import java.net.URL;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A native library that running or building an engine needs. */
public enum GpuLibrary {
    /** NVIDIA's driver. */
    DRIVER(
            "libcuda.so.1",
            "",
            "install NVIDIA's driver for CUDA 12.6 or later, or start the container with its GPUs (--gpus all)"),
    /** The CUDA runtime. */
    CUDART(
            "libcudart.so.12",
            "org/bytedeco/cuda/linux-x86_64/",
            "install a CUDA 12 runtime, or build with MASKRT_BUILD=-Pgpu,gpu-tensorrt,gpu-cuda (2.0 GB more)"),
    /** TensorRT. */
    TENSORRT(
            "libnvinfer.so.10",
            "org/bytedeco/tensorrt/linux-x86_64/",
            "install TensorRT 10, or build with MASKRT_BUILD=-Pgpu,gpu-tensorrt (1.1 GB)"),
    /** TensorRT's kernels, of which a build chooses; a ready plan needs them no more. */
    BUILDER(
            "libnvinfer_builder_resource.so.10.6.0",
            "org/bytedeco/tensorrt/linux-x86_64/",
            "install TensorRT 10 with its builder, or build with MASKRT_BUILD=-Pgpu,gpu-tensorrt (1.1 GB)"),
    /** TensorRT's reader of ONNX. */
    PARSER(
            "libnvonnxparser.so.10",
            "org/bytedeco/tensorrt/linux-x86_64/",
            "install TensorRT 10's ONNX parser, or build with MASKRT_BUILD=-Pgpu,gpu-tensorrt (1.1 GB)"),
    /** The driver's measurements. */
    NVML("libnvidia-ml.so.1", "", "install NVIDIA's driver with its management library"),
    /** The glue between Java and CUDA. */
    GLUE_CUDA("libjnicudart.so", "org/bytedeco/cuda/linux-x86_64/", "build with MASKRT_BUILD=-Pgpu (7 MB)"),
    /** The glue between Java and TensorRT. */
    GLUE_TENSORRT("libjninvinfer.so", "org/bytedeco/tensorrt/linux-x86_64/", "build with MASKRT_BUILD=-Pgpu (7 MB)"),
    /** The glue between Java and TensorRT's reader of ONNX. */
    GLUE_PARSER("libjninvonnxparser.so", "org/bytedeco/tensorrt/linux-x86_64/", "build with MASKRT_BUILD=-Pgpu (7 MB)");

    /** What loading and running a plan needs. */
    static final List<GpuLibrary> RUN = List.of(DRIVER, GLUE_CUDA, GLUE_TENSORRT, CUDART, TENSORRT);

    /** What reading ONNX, for a build or a refit, needs besides. */
    static final List<GpuLibrary> READ = List.of(PARSER, GLUE_PARSER);

    private final String file;
    private final String resources;
    private final String fix;

    GpuLibrary(String file, String resources, String fix) {
        this.file = file;
        this.resources = resources;
        this.fix = fix;
    }

    /** The file's name. */
    public String file() {
        return file;
    }

    /** What to do where it is missing. */
    public String fix() {
        return fix;
    }

    /** Where this process finds it; null if nowhere. */
    public @Nullable String place() {
        URL found = LibrarySearch.ofProcess().find(this);
        return found == null ? null : LibrarySearch.shown(found);
    }

    /** Whether it is JavaCPP's, which JavaCPP loads with the classes that it belongs to. */
    boolean isGlue() {
        return file.startsWith("libjni");
    }

    /** Where a jar on the class path would hold it; empty if none does. */
    String resource() {
        return resources.isEmpty() ? "" : resources + file;
    }
}

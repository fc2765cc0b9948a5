package org.maskrt.runtime.trt;

import java.net.URL;
import java.nio.MappedByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvml;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorrt.global.nvinfer;
import org.bytedeco.tensorrt.global.nvonnxparser;
import org.bytedeco.tensorrt.nvinfer.ICudaEngine;
import org.bytedeco.tensorrt.nvinfer.IRuntime;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * The gate to CUDA and TensorRT: who holds one knows that the libraries are loaded and that there is a GPU. Without a GPU, TensorRT does
 * not report an error but ends the process.
 */
public final class GpuRuntime {
    private static final String PLATFORM = "linux-x86_64";

    private final LibrarySearch search;
    private final List<Gpu> gpus;
    private final String tensorRtVersion;

    private GpuRuntime(LibrarySearch search, List<Gpu> gpus, String tensorRtVersion) {
        this.search = search;
        this.gpus = List.copyOf(gpus);
        this.tensorRtVersion = tensorRtVersion;
    }

    /**
     * Loads the libraries that running an engine needs.
     *
     * @throws MaskRtException ENVIRONMENT if a library, the driver or a GPU is missing
     */
    public static GpuRuntime open() {
        return open(LibrarySearch.ofProcess());
    }

    static synchronized GpuRuntime open(LibrarySearch search) {
        if (!Loader.Detector.getPlatform().equals(PLATFORM)) {
            throw missing("expected " + PLATFORM + ", this is " + Loader.Detector.getPlatform()
                    + "; use the backend ort-cpu here");
        }
        load(search, GpuLibrary.RUN);
        link(cudart.class);
        List<Gpu> gpus = visibleGpus();
        link(nvinfer.class);
        return new GpuRuntime(search, gpus, version(nvinfer.getInferLibVersion()));
    }

    /**
     * Loads what reading ONNX needs, for a build or a refit.
     *
     * @throws MaskRtException ENVIRONMENT if it is missing
     */
    public void requireParser() {
        load(search, GpuLibrary.READ);
        link(nvonnxparser.class);
    }

    /**
     * What a process that builds engines needs in its environment: TensorRT opens its kernels by their bare name, and they ask for an executable
     * stack, which glibc from 2.41 on refuses unless told otherwise.
     *
     * @throws MaskRtException ENVIRONMENT if the kernels are missing
     */
    public Map<String, String> builderEnvironment() {
        return Map.of(
                "LD_LIBRARY_PATH", joined(builderFolder().toString(), System.getenv("LD_LIBRARY_PATH")),
                "GLIBC_TUNABLES", joined("glibc.rtld.execstack=2", System.getenv("GLIBC_TUNABLES")));
    }

    private Path builderFolder() {
        URL found = search.find(GpuLibrary.BUILDER);
        // other versions of TensorRT 10 name it otherwise, and keep it beside their library
        Path folder = found == null
                ? search.otherBuilder()
                : LibrarySearch.file(found).getParent();
        if (folder == null) {
            throw missing(GpuLibrary.BUILDER.file() + " is missing; " + GpuLibrary.BUILDER.fix());
        }
        return folder;
    }

    private static String joined(String first, @Nullable String others) {
        return others == null || others.isEmpty() ? first : first + ":" + others;
    }

    /** Whether NVML can be called; it is loaded if so. */
    public boolean hasNvml() {
        try {
            load(search, List.of(GpuLibrary.NVML));
            link(nvml.class);
            return true;
        } catch (MaskRtException e) {
            return false;
        }
    }

    /** The GPUs that CUDA sees, at least one. */
    public List<Gpu> gpus() {
        return gpus;
    }

    /** The GPU that engines run on: CUDA's first. */
    public Gpu gpu() {
        return gpus.get(0);
    }

    /** The version of TensorRT's library, such as 10.6.0. */
    public String tensorRtVersion() {
        return tensorRtVersion;
    }

    /** What engines are to run on. */
    public EngineSidecar.Platform platform() {
        return new EngineSidecar.Platform(tensorRtVersion, gpu().sm(), gpu().name());
    }

    /** Hands TensorRT's messages to {@code sink}; must live as long as what it is given to. */
    public TrtLogger logger(Consumer<TrtMessage> sink) {
        return new TrtLogger(sink);
    }

    /** TensorRT's loader of plans; closing it closes all that was made from it. */
    public NativeHandle<IRuntime> runtime(TrtLogger logger) {
        return NativeHandle.ofTensorRt("a runtime", nvinfer.createInferRuntime(logger), IRuntime::new, null);
    }

    /**
     * Loads a plan, whose sidecar has been checked.
     *
     * @param runtime that loads it; closing it closes the engine
     * @throws MaskRtException if TensorRT refuses it
     */
    public NativeHandle<ICudaEngine> engine(NativeHandle<IRuntime> runtime, Path plan) {
        MappedByteBuffer bytes = EngineFile.map(plan);
        return NativeHandle.ofTensorRt(
                "an engine of " + plan,
                runtime.get().deserializeCudaEngine(new Pointer(bytes), bytes.capacity()),
                ICudaEngine::new,
                runtime);
    }

    private static void load(LibrarySearch search, List<GpuLibrary> libraries) {
        List<GpuLibrary> missing =
                libraries.stream().filter(l -> search.find(l) == null).toList();
        if (!missing.isEmpty()) {
            GpuLibrary first = missing.get(0);
            String others = missing.size() == 1
                    ? ""
                    : " (so are "
                            + missing.stream().skip(1).map(GpuLibrary::file).toList() + ")";
            throw missing(first.file() + " is missing" + others + "; " + first.fix()
                    + "; `maskrt doctor` lists what is wanted and where it is");
        }
        JavaCpp.leaveOut();
        for (GpuLibrary library : libraries) {
            URL found = search.find(library);
            if (found != null && !library.isGlue()) {
                load(library, found);
            }
        }
    }

    private static void load(GpuLibrary library, URL found) {
        try {
            System.load(LibrarySearch.file(found).toString());
        } catch (UnsatisfiedLinkError e) {
            throw missing(LibrarySearch.shown(found) + ": cannot be loaded: " + oneLine(e) + "; " + library.fix(), e);
        }
    }

    private static void link(Class<?> glue) {
        try {
            Loader.load(glue);
        } catch (LinkageError e) {
            throw missing(
                    "the glue for " + glue.getSimpleName() + " cannot be loaded: " + oneLine(e) + "; "
                            + GpuLibrary.GLUE_CUDA.fix() + " again on this machine",
                    e);
        }
    }

    private static List<Gpu> visibleGpus() {
        int[] number = new int[1];
        int status = cudart.cudaGetDeviceCount(number);
        if (status != cudart.cudaSuccess || number[0] == 0) {
            throw missing("expected a GPU, CUDA says: "
                    + (status == cudart.cudaSuccess
                            ? "no GPU is visible"
                            : cudart.cudaGetErrorString(status).getString())
                    + "; see that `nvidia-smi` lists one, that its driver runs CUDA 12.6 or later, and that"
                    + " CUDA_VISIBLE_DEVICES does not hide it");
        }
        List<Gpu> gpus = new ArrayList<>();
        int[] driver = new int[1];
        require(cudart.cudaDriverGetVersion(driver));
        for (int i = 0; i < number[0]; i++) {
            try (cudaDeviceProp is = new cudaDeviceProp()) {
                require(cudart.cudaGetDeviceProperties(is, i));
                gpus.add(new Gpu(
                        i,
                        is.name().getString(),
                        10 * is.major() + is.minor(),
                        is.totalGlobalMem(),
                        driver[0] / 1000 + "." + driver[0] % 1000 / 10));
            }
        }
        return gpus;
    }

    private static void require(int status) {
        if (status != cudart.cudaSuccess) {
            throw missing("the driver says: "
                    + cudart.cudaGetErrorString(status).getString() + "; see that `nvidia-smi` works");
        }
    }

    private static String version(int number) {
        return number / 10_000 + "." + number / 100 % 100 + "." + number % 100;
    }

    private static MaskRtException missing(String what) {
        return new MaskRtException(ExitCode.ENVIRONMENT, "TensorRT: " + what);
    }

    private static MaskRtException missing(String what, Throwable cause) {
        return new MaskRtException(ExitCode.ENVIRONMENT, "TensorRT: " + what, cause);
    }

    private static String oneLine(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return String.valueOf(root.getMessage()).strip().replaceAll("\\s*\\R\\s*", " ");
    }
}

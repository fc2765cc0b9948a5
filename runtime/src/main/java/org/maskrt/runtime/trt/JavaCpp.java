package org.maskrt.runtime.trt;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.net.URL;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;

/** What JavaCPP does not offer: to leave libraries out, and to free what TensorRT returns. */
final class JavaCpp {
    /**
     * What the classes of TensorRT ask for by inheritance and we do not call (1 GB of cuBLAS, cuDNN, NVRTC and plugins), and what we load
     * ourselves from where {@link LibrarySearch} finds it. The builder's kernels are loaded for a build only: they ask for an executable stack.
     */
    private static final List<String> LEFT_OUT = List.of(
            "cublasLt@.12",
            "cublas@.12",
            "jnicublas",
            "cudnn@.9",
            "cudnn_graph@.9",
            "cudnn_engines_precompiled@.9",
            "cudnn_engines_runtime_compiled@.9",
            "cudnn_heuristic@.9",
            "cudnn_ops@.9",
            "cudnn_adv@.9",
            "cudnn_cnn@.9",
            "jnicudnn",
            "nvrtc@.12",
            "nvrtc-builtins@.12.6",
            "jninvrtc",
            "nvinfer_plugin@.10",
            "jninvinfer_plugin",
            "nvinfer_vc_plugin@.10",
            "nvinfer_builder_resource@.10.6.0",
            "cuda@.1#",
            "cudart@.12",
            "nvinfer@.10",
            "nvonnxparser@.10",
            "nvidia-ml@.1#");

    private JavaCpp() {}

    /** Makes JavaCPP take the libraries of {@link #LEFT_OUT} for sought in vain, which is no error to it. */
    @SuppressWarnings("unchecked")
    static void leaveOut() {
        try {
            Map<String, URL[]> found = (Map<String, URL[]>) inside(Loader.class)
                    .findStaticGetter(Loader.class, "foundLibraries", Map.class)
                    .invoke();
            LEFT_OUT.forEach(name -> found.put(name, new URL[0]));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Frees objects of one class of TensorRT. */
    static final class Deleter {
        private final Object owner;
        private final MethodHandle call;
        private final long function;

        private Deleter(Object owner, MethodHandle call, long function) {
            this.owner = owner;
            this.call = call;
            this.function = function;
        }

        void free(Pointer object) {
            try {
                call.invoke(owner, object.address(), function);
            } catch (Throwable e) {
                throw unexpected(e);
            }
        }
    }

    /**
     * TensorRT has no destroy() since version 10, and JavaCPP attaches no deleter to what its functions return; only what JavaCPP itself
     * constructs has one.
     *
     * @param constructed a default-constructed object of the class; it is freed here
     */
    static Deleter deleter(Pointer constructed) {
        try (constructed) {
            Class<?> type = Class.forName("org.bytedeco.javacpp.Pointer$NativeDeallocator");
            Class<?> general = Class.forName("org.bytedeco.javacpp.Pointer$Deallocator");
            Object owner = inside(Pointer.class)
                    .findVirtual(Pointer.class, "deallocator", MethodType.methodType(general))
                    .invoke(constructed);
            MethodHandles.Lookup lookup = inside(type);
            long function = (long) lookup.findVirtual(type, "deallocatorAddress", MethodType.methodType(long.class))
                    .invoke(owner);
            MethodHandle call =
                    lookup.findVirtual(type, "deallocate", MethodType.methodType(void.class, long.class, long.class));
            return new Deleter(owner, call, function);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static MethodHandles.Lookup inside(Class<?> type) throws IllegalAccessException {
        return MethodHandles.privateLookupIn(type, MethodHandles.lookup());
    }

    private static IllegalStateException unexpected(Throwable e) {
        return new IllegalStateException("JavaCPP is another version than 1.5.11, for which this is written", e);
    }
}

package org.maskrt.trainer;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.function.Supplier;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** The PyTorch engine of this process: offline, no tracking, one thread per core. */
public final class Torch {
    private Torch() {}

    /** Computes a scalar with its gradients, which are added to those that the arrays it depends on have. */
    static void backward(Supplier<NDArray> computation) {
        JniUtils.setGradMode(true);
        try {
            NDArray scalar = computation.get();
            NDArray one = scalar.getManager().ones(scalar.getShape());
            JniUtils.backward(NdOps.pt(scalar), NdOps.pt(one), false, false);
        } finally {
            JniUtils.setGradMode(false);
        }
    }

    /**
     * The engine, ready for use on the calling thread.
     *
     * @throws MaskRtException with {@link ExitCode#ENVIRONMENT} if its native library does not load
     */
    public static Engine engine() {
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("OPT_OUT_TRACKING", "true");
        try {
            Engine engine = Engine.getEngine("PyTorch");
            JniUtils.setNumThreads(Runtime.getRuntime().availableProcessors());
            // libtorch's switch is per thread, and on in a thread that has never asked for the engine
            JniUtils.setGradMode(false);
            // per thread as well; what TorchScript would compile here is single operators, and compiled graphs have
            // crashed in backward passes
            JniUtils.setGraphExecutorOptimize(false);
            return engine;
        } catch (RuntimeException | LinkageError e) {
            throw new MaskRtException(
                    ExitCode.ENVIRONMENT,
                    "DJL's PyTorch engine does not load on " + System.getProperty("os.name") + "/"
                            + System.getProperty("os.arch")
                            + ": expected its native library for this platform on the class path, received: "
                            + e.getMessage()
                            + "; build with the profile of this platform",
                    e);
        }
    }
}

package org.maskrt.runtime.trt;

import java.nio.file.Path;
import java.util.Objects;
import org.bytedeco.tensorrt.nvinfer.IRuntime;
import org.jspecify.annotations.Nullable;
import org.maskrt.runtime.GraphSignature;
import org.maskrt.runtime.device.Engine;
import org.maskrt.runtime.device.EngineSource;

/** The engines of model folders, on TensorRT's runtime. */
final class TrtEngines implements EngineSource {
    private final GpuRuntime gpu;
    private final TrtLogger logger;
    private final NativeHandle<IRuntime> runtime;
    private final CudaStream setup;

    /** @param logger that TensorRT holds, so it is kept here as long */
    TrtEngines(GpuRuntime gpu, TrtLogger logger) {
        this.gpu = gpu;
        this.logger = logger;
        this.runtime = gpu.runtime(logger);
        this.setup = new CudaStream();
    }

    @Override
    public String description() {
        return "TensorRT " + gpu.tensorRtVersion();
    }

    @Override
    public Engine open(Path folder, GraphSignature graph) {
        return load(store(folder).find(graph.name(), gpu.platform()).plan());
    }

    /** Loads a plan, compared or not: for the comparison itself. */
    Engine load(Path plan) {
        return new TrtEngine(plan, gpu.engine(runtime, plan), setup);
    }

    private static EngineStore store(Path folder) {
        Path graphs = Objects.requireNonNull(folder.toAbsolutePath().getParent());
        return new EngineStore(Objects.requireNonNull(graphs.getParent()));
    }

    @Override
    public @Nullable Sizes sizes(Path folder) {
        EngineStore store = store(folder);
        String graph = String.valueOf(folder.getFileName());
        if (store.plans(graph).isEmpty()) {
            return null;
        }
        EngineSidecar found = store.find(graph, gpu.platform()).sidecar();
        return new Sizes(
                found.result().planBytes(),
                found.result().deviceBytes(),
                found.options().batches().max(),
                found.source().bias().equals("gather"));
    }

    @Override
    public void close() {
        setup.close();
        runtime.close();
        logger.close();
    }
}

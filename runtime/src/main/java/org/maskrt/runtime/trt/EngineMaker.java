package org.maskrt.runtime.trt;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.tensorrt.global.nvinfer;
import org.bytedeco.tensorrt.global.nvinfer.BuilderFlag;
import org.bytedeco.tensorrt.global.nvinfer.HardwareCompatibilityLevel;
import org.bytedeco.tensorrt.global.nvinfer.LayerInformationFormat;
import org.bytedeco.tensorrt.global.nvinfer.LayerType;
import org.bytedeco.tensorrt.global.nvinfer.MemoryPoolType;
import org.bytedeco.tensorrt.global.nvinfer.NetworkDefinitionCreationFlag;
import org.bytedeco.tensorrt.global.nvinfer.OptProfileSelector;
import org.bytedeco.tensorrt.global.nvinfer.ProfilingVerbosity;
import org.bytedeco.tensorrt.global.nvinfer.SerializationFlag;
import org.bytedeco.tensorrt.global.nvinfer.TacticSource;
import org.bytedeco.tensorrt.global.nvonnxparser;
import org.bytedeco.tensorrt.nvinfer.Dims64;
import org.bytedeco.tensorrt.nvinfer.IBuilder;
import org.bytedeco.tensorrt.nvinfer.IBuilderConfig;
import org.bytedeco.tensorrt.nvinfer.ICudaEngine;
import org.bytedeco.tensorrt.nvinfer.IEngineInspector;
import org.bytedeco.tensorrt.nvinfer.IHostMemory;
import org.bytedeco.tensorrt.nvinfer.ILogger;
import org.bytedeco.tensorrt.nvinfer.INetworkDefinition;
import org.bytedeco.tensorrt.nvinfer.IOptimizationProfile;
import org.bytedeco.tensorrt.nvinfer.IRefitter;
import org.bytedeco.tensorrt.nvinfer.IRuntime;
import org.bytedeco.tensorrt.nvinfer.ISerializationConfig;
import org.bytedeco.tensorrt.nvinfer.ITensor;
import org.bytedeco.tensorrt.nvinfer.ITimingCache;
import org.bytedeco.tensorrt.nvonnxparser.IParser;
import org.bytedeco.tensorrt.nvonnxparser.IParserError;
import org.bytedeco.tensorrt.nvonnxparser.IParserRefitter;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.AtomicFiles;
import org.maskrt.runtime.trt.EngineOptions.Trait;
import org.maskrt.runtime.trt.EngineSidecar.Result;
import org.maskrt.runtime.trt.WorkerMessage.Stage;

/**
 * Makes plans with TensorRT, in the process that it may end. Networks are strongly typed: the graph alone says what is computed in which
 * type.
 */
final class EngineMaker {
    private final GpuRuntime gpu;
    private final TrtLogger logger;
    private final Consumer<Stage> stages;

    EngineMaker(GpuRuntime gpu, TrtLogger logger, Consumer<Stage> stages) {
        this.gpu = gpu;
        this.logger = logger;
        this.stages = stages;
    }

    EngineSidecar build(WorkerJob.Build job) {
        long started = System.nanoTime();
        stages.accept(Stage.READ);
        int attention;
        try (NativeHandle<IBuilder> builder =
                own("a builder", nvinfer.createInferBuilder(logger), IBuilder::new, null)) {
            NativeHandle<INetworkDefinition> network = own(
                    "a network",
                    builder.get().createNetworkV2(1 << NetworkDefinitionCreationFlag.kSTRONGLY_TYPED.value),
                    INetworkDefinition::new,
                    builder);
            read(job.folder().resolve("model.onnx"), network.get());
            attention = attentions(network.get());
            NativeHandle<IBuilderConfig> config =
                    own("a configuration", builder.get().createBuilderConfig(), IBuilderConfig::new, builder);
            configure(config.get(), job.options());
            Batches batches = job.options().batches();
            addProfile(
                    builder.get(),
                    network.get(),
                    config.get(),
                    job.source().graph().equals("conditioner") ? batches.withNullCondition() : batches);
            BuildCache cache = new BuildCache(job.cache());
            useTimings(config, cache.timings(gpu.platform()));
            stages.accept(Stage.BUILD);
            NativeHandle<IHostMemory> plan = own(
                    "a plan of " + job.folder(),
                    builder.get().buildSerializedNetwork(network.get(), config.get()),
                    IHostMemory::new,
                    builder);
            stages.accept(Stage.WRITE);
            write(job.plan(), plan.get());
            cache.mergeTimings(gpu.platform(), others -> timings(config, others));
        }
        stages.accept(Stage.INSPECT);
        return describe(job, job.options(), attention, (System.nanoTime() - started) / 1e9);
    }

    private void read(Path model, INetworkDefinition network) {
        // has no default constructor, so no deleter: it goes with the process
        IParser parser = nvonnxparser.createParser(network, logger);
        if (!parser.parseFromFile(model.toString(), ILogger.Severity.kWARNING.value)) {
            IParserError error = parser.getNbErrors() > 0 ? parser.getError(0) : null;
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    model + ": TensorRT cannot read this graph: "
                            + (error == null
                                    ? "it does not say why"
                                    : error.nodeName() + " (" + error.nodeOperator() + "): " + error.desc())
                            + "; export again with --target tensorrt");
        }
    }

    private static int attentions(INetworkDefinition network) {
        int count = 0;
        for (int i = 0; i < network.getNbLayers(); i++) {
            if (network.getLayer(i).getType().intern() == LayerType.kSOFTMAX) {
                count++;
            }
        }
        return count;
    }

    private static void configure(IBuilderConfig config, EngineOptions options) {
        config.setBuilderOptimizationLevel(options.optimizationLevel());
        if (options.workspace() > 0) {
            config.setMemoryPoolLimit(MemoryPoolType.kWORKSPACE, options.workspace());
        }
        // the others need cuBLAS and cuDNN, which are not loaded
        config.setTacticSources(
                (1 << TacticSource.kEDGE_MASK_CONVOLUTIONS.value) | (1 << TacticSource.kJIT_CONVOLUTIONS.value));
        config.setProfilingVerbosity(ProfilingVerbosity.kDETAILED);
        // a captured step is one stream
        config.setMaxAuxStreams(0);
        if (options.has(Trait.HARDWARE_COMPATIBLE)) {
            config.setHardwareCompatibilityLevel(HardwareCompatibilityLevel.kAMPERE_PLUS);
        }
        if (options.has(Trait.REFITTABLE)) {
            config.setFlag(BuilderFlag.kREFIT);
        }
        if (options.has(Trait.STRIPPED)) {
            config.setFlag(BuilderFlag.kSTRIP_PLAN);
        }
    }

    private static void addProfile(
            IBuilder builder, INetworkDefinition network, IBuilderConfig config, Batches batches) {
        // belongs to the builder
        IOptimizationProfile profile = builder.createOptimizationProfile();
        for (int i = 0; i < network.getNbInputs(); i++) {
            ITensor input = network.getInput(i);
            for (Batches.Bound bound : Batches.Bound.values()) {
                Dims64 dims = new Dims64(input.getDimensions());
                for (int axis = 0; axis < dims.nbDims(); axis++) {
                    if (dims.d(axis) < 0) {
                        dims.d(axis, batches.length(input.getDimensionName(axis), bound));
                    }
                }
                profile.setDimensions(input.getName(), selector(bound), dims);
            }
        }
        if (!profile.isValid() || config.addOptimizationProfile(profile) < 0) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    "TensorRT: refuses the batches " + batches + "; its messages say why (MASKRT_LOG_LEVEL=debug)");
        }
    }

    private static OptProfileSelector selector(Batches.Bound bound) {
        return switch (bound) {
            case MIN -> OptProfileSelector.kMIN;
            case OPT -> OptProfileSelector.kOPT;
            case MAX -> OptProfileSelector.kMAX;
        };
    }

    private static void useTimings(NativeHandle<IBuilderConfig> config, byte[] known) {
        ITimingCache cache = timingCache(config.get(), known);
        // those of another driver are refused; the build then measures anew
        if (cache == null || cache.isNull() || !config.get().setTimingCache(cache, false)) {
            config.get().setTimingCache(timingCache(config.get(), new byte[0]), false);
        }
    }

    private static ITimingCache timingCache(IBuilderConfig config, byte[] bytes) {
        try (BytePointer memory = new BytePointer(Math.max(1, bytes.length))) {
            memory.put(bytes, 0, bytes.length);
            return config.createTimingCache(memory, bytes.length);
        }
    }

    /** The timings of this build with those of {@code others}. */
    private static byte[] timings(NativeHandle<IBuilderConfig> config, byte[] others) {
        ITimingCache mine = config.get().getTimingCache();
        if (others.length > 0) {
            ITimingCache theirs = timingCache(config.get(), others);
            if (theirs != null && !theirs.isNull()) {
                mine.combine(theirs, false);
            }
        }
        try (NativeHandle<IHostMemory> all = own("timings", mine.serialize(), IHostMemory::new, config)) {
            byte[] bytes = new byte[Math.toIntExact(all.get().size())];
            bytes(all.get()).get(bytes);
            return bytes;
        }
    }

    private static BytePointer bytes(IHostMemory memory) {
        return new BytePointer(memory.data()).capacity(memory.size());
    }

    /** An old description must not stand beside a new plan. */
    private static void write(Path plan, IHostMemory memory) {
        EngineSidecar.delete(plan);
        BytePointer bytes = bytes(memory);
        AtomicFiles.write(plan, channel -> write(channel, bytes, memory.size()));
    }

    private static void write(FileChannel channel, BytePointer bytes, long size) throws IOException {
        long chunk = 1L << 28;
        for (long from = 0; from < size; from += chunk) {
            long to = Math.min(size, from + chunk);
            var part = bytes.position(from).limit(to).asByteBuffer();
            while (part.hasRemaining()) {
                channel.write(part);
            }
        }
    }

    /** Loads the plan, asks it what it became, and writes that down. */
    private EngineSidecar describe(WorkerJob job, EngineOptions options, int attention, double seconds) {
        try (NativeHandle<IRuntime> runtime = gpu.runtime(logger)) {
            NativeHandle<ICudaEngine> engine = gpu.engine(runtime, job.plan());
            // belongs to the engine's process: it has no state of its own
            IEngineInspector inspector = engine.get().createEngineInspector();
            String layers = inspector.getEngineInformation(LayerInformationFormat.kJSON);
            AtomicFiles.writeString(EngineSidecar.beside(job.plan(), ".layers.json"), layers);
            EngineSidecar sidecar = new EngineSidecar(
                    job.source(),
                    options,
                    gpu.platform(),
                    new Result(
                            job.plan().toFile().length(),
                            EngineLayers.parse("TensorRT", layers).fusedAttentions(),
                            attention,
                            engine.get().getDeviceMemorySizeForProfileV2(0),
                            seconds,
                            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString()));
            sidecar.write(job.plan());
            return sidecar;
        }
    }

    EngineSidecar refit(WorkerJob.Refit job) {
        long started = System.nanoTime();
        EngineSidecar donor = EngineSidecar.read(job.donor());
        stages.accept(Stage.READ);
        try (NativeHandle<IRuntime> runtime = gpu.runtime(logger)) {
            NativeHandle<ICudaEngine> engine = gpu.engine(runtime, job.donor());
            stages.accept(Stage.REFIT);
            exchangeWeights(engine, job.folder().resolve("model.onnx"));
            NativeHandle<ISerializationConfig> config =
                    own("a configuration", engine.get().createSerializationConfig(), ISerializationConfig::new, engine);
            config.get().clearFlag(SerializationFlag.kEXCLUDE_WEIGHTS);
            stages.accept(Stage.WRITE);
            NativeHandle<IHostMemory> plan = own(
                    "a plan of " + job.donor(),
                    engine.get().serializeWithConfig(config.get()),
                    IHostMemory::new,
                    engine);
            write(job.plan(), plan.get());
        }
        stages.accept(Stage.INSPECT);
        return describe(
                job,
                donor.options().without(Trait.STRIPPED),
                donor.result().attention(),
                (System.nanoTime() - started) / 1e9);
    }

    private void exchangeWeights(NativeHandle<ICudaEngine> engine, Path model) {
        try (NativeHandle<IRefitter> refitter =
                own("a refitter", nvinfer.createInferRefitter(engine.get(), logger), IRefitter::new, engine)) {
            IParserRefitter parser = nvonnxparser.createParserRefitter(refitter.get(), logger);
            if (!parser.refitFromFile(model.toString())) {
                throw refused(
                        model, parser.getNbErrors() > 0 ? parser.getError(0).desc() : "TensorRT does not say why");
            }
            int missing = refitter.get().getMissingWeights(0, (PointerPointer<?>) null);
            if (missing > 0) {
                throw refused(model, missing + " weights of the engine are not in it");
            }
            if (!refitter.get().refitCudaEngine()) {
                throw refused(model, "TensorRT refuses the weights");
            }
        }
    }

    private static MaskRtException refused(Path model, String why) {
        return new MaskRtException(
                ExitCode.FAILURE,
                model + ": its weights do not go into the engine: " + why
                        + "; both models must have one configuration and be exported alike, or build the engine anew with"
                        + " `maskrt build`");
    }

    private static <P extends Pointer> NativeHandle<P> own(
            String name, P returned, Supplier<P> constructor, @Nullable NativeHandle<?> maker) {
        return NativeHandle.ofTensorRt(name, returned, constructor, maker);
    }
}

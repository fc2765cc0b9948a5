package org.maskrt.runtime.trt;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.tensorrt.global.nvinfer.DataType;
import org.bytedeco.tensorrt.global.nvinfer.ExecutionContextAllocationStrategy;
import org.bytedeco.tensorrt.global.nvinfer.OptProfileSelector;
import org.bytedeco.tensorrt.global.nvinfer.TensorIOMode;
import org.bytedeco.tensorrt.nvinfer.Dims64;
import org.bytedeco.tensorrt.nvinfer.ICudaEngine;
import org.bytedeco.tensorrt.nvinfer.IExecutionContext;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.runtime.ElementType;
import org.maskrt.runtime.TensorSpec;
import org.maskrt.runtime.device.Device;
import org.maskrt.runtime.device.DeviceStream;
import org.maskrt.runtime.device.Engine;
import org.maskrt.runtime.device.EngineContext;
import org.maskrt.runtime.device.EngineTensor;
import org.maskrt.runtime.device.Region;

/** A plan that TensorRT has loaded; it has one profile. */
final class TrtEngine implements Engine {
    private final Path plan;
    private final NativeHandle<ICudaEngine> engine;
    private final CudaStream setup;
    private final List<EngineTensor> inputs = new ArrayList<>();
    private final List<EngineTensor> outputs = new ArrayList<>();

    /**
     * Takes over {@code engine}.
     *
     * @param setup a stream on which contexts are prepared, one at a time
     */
    TrtEngine(Path plan, NativeHandle<ICudaEngine> engine, CudaStream setup) {
        this.plan = plan;
        this.engine = engine;
        this.setup = setup;
        ICudaEngine is = engine.get();
        for (int i = 0; i < is.getNbIOTensors(); i++) {
            String name = is.getIOTensorName(i);
            TensorSpec spec = new TensorSpec(name, type(is, name), shape(is.getTensorShape(name)));
            if (is.getTensorIOMode(name).intern() == TensorIOMode.kINPUT) {
                inputs.add(new EngineTensor(
                        spec, profile(is, name, OptProfileSelector.kMIN), profile(is, name, OptProfileSelector.kMAX)));
            } else {
                outputs.add(new EngineTensor(spec, spec.shape(), spec.shape()));
            }
        }
    }

    private ElementType type(ICudaEngine is, String name) {
        DataType type = is.getTensorDataType(name).intern();
        return switch (type) {
            case kFLOAT -> ElementType.FP32;
            case kINT64 -> ElementType.INT64;
            default ->
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        plan + ": expected fp32 or int64 for " + name + ", it is " + type
                                + "; export again with `maskrt export --target tensorrt` and build it again");
        };
    }

    private static Shape profile(ICudaEngine is, String name, OptProfileSelector bound) {
        return shape(is.getProfileShape(name, 0, bound));
    }

    private static Shape shape(Dims64 dims) {
        try (dims) {
            int[] lengths = new int[dims.nbDims()];
            for (int i = 0; i < lengths.length; i++) {
                lengths[i] = Math.toIntExact(dims.d(i));
            }
            return Shape.of(lengths);
        }
    }

    @Override
    public String name() {
        return plan.toString();
    }

    @Override
    public List<EngineTensor> inputs() {
        return List.copyOf(inputs);
    }

    @Override
    public List<EngineTensor> outputs() {
        return List.copyOf(outputs);
    }

    @Override
    public EngineContext context() {
        NativeHandle<IExecutionContext> made = NativeHandle.ofTensorRt(
                "a context of " + plan,
                engine.get().createExecutionContext(ExecutionContextAllocationStrategy.kUSER_MANAGED),
                IExecutionContext::new,
                engine);
        try {
            synchronized (setup) {
                // only the first context of an engine has a profile from the start
                require(made.get().setOptimizationProfileAsync(0, setup.handle()), "take its profile");
                setup.synchronize();
            }
            return new Context(made);
        } catch (RuntimeException e) {
            made.close();
            throw e;
        }
    }

    private void require(boolean done, String what) {
        if (!done) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    plan + ": TensorRT could not " + what + "; its messages say why (MASKRT_LOG_LEVEL=debug)");
        }
    }

    private final class Context implements EngineContext {
        private final NativeHandle<IExecutionContext> context;
        private final Map<String, EngineTensor> tensors = new HashMap<>();

        Context(NativeHandle<IExecutionContext> context) {
            this.context = context;
            inputs.forEach(t -> tensors.put(t.spec().name(), t));
            outputs.forEach(t -> tensors.put(t.spec().name(), t));
        }

        @Override
        public void bind(String tensor, Shape shape, Region region) {
            EngineTensor found = tensors.get(tensor);
            if (found == null) {
                throw new IllegalArgumentException(plan + " has no tensor " + tensor);
            }
            long bytes = (long) shape.size() * (found.spec().type() == ElementType.FP32 ? Float.BYTES : Long.BYTES);
            if (region.bytes() < bytes || region.address() % Device.ALIGNMENT != 0) {
                throw new IllegalArgumentException(plan + ": " + tensor + " " + shape + " needs " + bytes
                        + " bytes at a multiple of " + Device.ALIGNMENT + ", got " + region);
            }
            if (inputs.contains(found)) {
                setShape(found, shape);
            }
            require(context.get().setTensorAddress(tensor, Cuda.pointer(region)), "take the address of " + tensor);
        }

        private void setShape(EngineTensor input, Shape shape) {
            try (Dims64 dims = new Dims64()) {
                dims.nbDims(shape.rank());
                for (int i = 0; i < shape.rank(); i++) {
                    dims.d(i, shape.dim(i));
                }
                if (!context.get().setInputShape(input.spec().name(), dims)) {
                    throw new MaskRtException(
                            ExitCode.FAILURE,
                            plan + ": expected " + input.spec().name() + " from " + input.least() + " to "
                                    + input.most() + ", got " + shape
                                    + "; build it for this batch with `maskrt build --batch MIN:OPT:MAX`");
                }
            }
        }

        @Override
        public long arenaBytes() {
            return context.get().updateDeviceMemorySizeForShapes();
        }

        @Override
        public void arena(Region region) {
            context.get().setDeviceMemoryV2(Cuda.pointer(region), region.bytes());
        }

        @Override
        public void enqueue(DeviceStream stream) {
            require(context.get().enqueueV3(((CudaStream) stream).handle()), "run");
        }

        @Override
        public void close() {
            context.close();
        }
    }

    @Override
    public void close() {
        engine.close();
    }
}

package org.maskrt.trainer;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.weights.Weights;

/** Models on PyTorch without gradients: host tensors in, host tensors out. For use by one thread at a time. */
public final class EagerModel implements AutoCloseable {
    /** A computation in a model's terms. */
    @FunctionalInterface
    public interface Computation {
        NDArray apply(NdOps ops, Params<NDArray> p, List<NDArray> inputs);
    }

    private final NDManager manager;
    private final NdOps ops;
    private final Supplier<Params<NDArray>> params;

    /** Loads the weights; they can be closed afterwards. */
    public EagerModel(Weights weights) {
        this(weights, Device.cpu());
    }

    /** Loads the weights on a device. */
    EagerModel(Weights weights, Device device) {
        this(weights, device, (key, ops) -> ops.array(weights.tensor(key)));
    }

    /** On weights where they lie, as far as they can be used there: they must stay open until this is closed. */
    public static EagerModel over(Weights weights) {
        return new EagerModel(weights, Device.cpu(), (key, ops) -> {
            ByteBuffer view = weights.view(key);
            return view == null ? ops.array(weights.tensor(key)) : ops.over(view, weights.shape(key));
        });
    }

    private EagerModel(Weights weights, Device device, BiFunction<String, NdOps, NDArray> load) {
        this.manager = Torch.engine().newBaseManager(device);
        this.ops = new NdOps(manager);
        Map<String, NDArray> arrays = new HashMap<>();
        for (String key : weights.keys()) {
            arrays.put(key, load.apply(key, ops));
        }
        Params<NDArray> loaded = Params.of((path, shape) -> {
            NDArray x = arrays.get(path);
            if (x == null || !ops.shape(x).equals(shape)) {
                throw new IllegalArgumentException(weights.origin() + ": the model needs '" + path + "' " + shape
                        + ", there is " + (x == null ? "none" : ops.shape(x).toString()));
            }
            return x;
        });
        this.params = () -> loaded;
    }

    /** On parameters that lie in one array [P], which stays the caller's, and on its device. */
    EagerModel(NdParams layout, NDArray flat) {
        this.manager = Torch.engine().newBaseManager(flat.getDevice());
        this.ops = new NdOps(manager);
        this.params = () -> layout.views(flat);
    }

    /** The result of a computation on host tensors. */
    public Tensor run(Computation computation, Tensor... inputs) {
        Torch.engine();
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            List<NDArray> arrays = new ArrayList<>();
            for (Tensor t : inputs) {
                arrays.add(ops.array(t));
            }
            return NdOps.tensor(computation.apply(ops, params.get(), arrays));
        }
    }

    /** Sample [B,C,H,W], timestep fp32 [B] and label int64 [B] to [B,C',H,W]. */
    public Tensor forward(Denoiser model, Tensor sample, Tensor timestep, Tensor label) {
        return run((o, p, in) -> model.forward(o, p, in.get(0), in.get(1), in.get(2)), sample, timestep, label);
    }

    /** Pictures [B,3,H,W] to moments [B,2L,h,w]. */
    public Tensor encode(AutoencoderKl model, Tensor image) {
        return run((o, p, in) -> model.encode(o, p, in.get(0)), image);
    }

    /** Latents [B,L,h,w] as the encoder gives them to pictures [B,3,H,W]. */
    public Tensor decode(AutoencoderKl model, Tensor latent) {
        return run((o, p, in) -> model.decode(o, p, in.get(0)), latent);
    }

    @Override
    public void close() {
        manager.close();
    }
}

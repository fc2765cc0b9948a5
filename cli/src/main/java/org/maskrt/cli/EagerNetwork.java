package org.maskrt.cli;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.maskrt.calibration.Network;
import org.maskrt.calibration.Probe;
import org.maskrt.calibration.RangeOps;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;
import org.maskrt.trainer.EagerModel;

/** The eager model on PyTorch, with a probe on what its linears read. */
final class EagerNetwork implements Network {
    private final Denoiser model;
    private final EagerModel eager;
    private final Predicate<String> wanted;
    private final RangeOps.Scope scope;

    /** @param weights stay open until this is closed */
    EagerNetwork(Denoiser model, Weights weights, Predicate<String> wanted, RangeOps.Scope scope) {
        this.model = model;
        this.eager = EagerModel.over(weights);
        this.wanted = wanted;
        this.scope = scope;
    }

    @Override
    public Tensor run(Rows rows, Probe<float[]> probe) {
        return run(
                rows,
                ops -> new RangeOps<>(
                        ops,
                        (path, x, channels) -> {
                            if (wanted.test(path)) {
                                probe.see(path, x.toFloatArray(), channels);
                            }
                        },
                        scope));
    }

    private Tensor run(Rows rows, UnaryOperator<Ops<NDArray>> decorated) {
        List<Tensor> inputs = new ArrayList<>(List.of(rows.timestep(), rows.condition(), rows.sample()));
        Tensor hint = rows.hint();
        if (hint != null) {
            inputs.add(hint);
        }
        return eager.run(
                (ops, p, in) -> {
                    NDArray sample = hint == null ? in.get(2) : ops.concat(1, List.of(in.get(3), in.get(2)));
                    return model.forward(decorated.apply(ops), p, sample, in.get(0), in.get(1));
                },
                inputs.toArray(new Tensor[0]));
    }

    @Override
    public void close() {
        eager.close();
    }
}

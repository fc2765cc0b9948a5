package org.maskrt.calibration;

import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Tensor;

/** A model in some runtime, which shows what its linears read. Of one thread. */
public interface Network extends AutoCloseable {
    /**
     * What a model is given.
     *
     * @param sample latents [B,C,H,W]
     * @param timestep fp32 [B]
     * @param condition int64 [B] or fp32 [B,W]
     * @param hint [B,C',H,W] of models that have one
     */
    record Rows(
            Tensor sample,
            Tensor timestep,
            Tensor condition,
            @Nullable Tensor hint) {}

    /** The output [B,C',H,W]; {@code probe} is shown activations on the way, or after it. */
    Tensor run(Rows rows, Probe<float[]> probe);

    @Override
    void close();
}

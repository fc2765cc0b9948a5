package org.maskrt.models.mdt;

import org.maskrt.models.Denoiser;
import org.maskrt.models.mdt.MaskPlan.Masked;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/** A denoiser with the masked branch of MDT, which training needs and inpainting can use. */
public interface MaskedDenoiser extends Denoiser {
    /** The blocks, with the sizes that say how training masks. */
    MdtBody body();

    /** The masked branch: [B,C,H,W] with the tokens of {@code mask} hidden from the encoder to [B,C',H,W]. */
    <T> T forwardMasked(Ops<T> ops, Params<T> p, T sample, T timestep, T condition, Masked<T> mask);
}

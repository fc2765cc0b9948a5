package org.maskrt.models;

import org.maskrt.models.mdt.MaskPlan.Masked;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/** A denoiser with a branch that sees only some of the tokens, which training needs. */
public interface MaskedDenoiser extends Denoiser {
    /** How many tokens a sample is cut into. */
    int tokens();

    /** The masked branch: [B,C,H,W] with the tokens of {@code mask} hidden from the encoder to [B,C',H,W]. */
    <T> T forwardMasked(Ops<T> ops, Params<T> p, T sample, T timestep, T condition, Masked<T> mask);
}

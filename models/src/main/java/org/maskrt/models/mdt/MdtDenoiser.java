package org.maskrt.models.mdt;

import org.maskrt.models.MaskedDenoiser;
import org.maskrt.models.layers.AdaLn;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;

/** A denoiser whose blocks are those of an MDT, with its masked branch and side-interpolater. */
public interface MdtDenoiser extends MaskedDenoiser {
    /** The blocks, with the sizes that say how training masks. */
    MdtBody body();

    /**
     * The model with its side-interpolater kept, which inpaints: [B,C,H,W] with the tokens of {@code hidden} unseen by the encoder to
     * [B,C',H,W]. Equal to {@link #forwardMasked} of the same tokens; its shapes do not depend on how many are hidden.
     *
     * @param hidden [B,N,1], 1 where a token is hidden, 0 where it is kept; some of each sample must be kept
     */
    default <T> T inpaint(Ops<T> ops, Params<T> p, T sample, T timestep, T condition, T hidden) {
        return body().denoiseAround(ops, p, sample, AdaLn.of(ops, condition(ops, p, timestep, condition)), hidden);
    }

    @Override
    default int tokens() {
        return body().config().tokens();
    }
}

package org.maskrt.models.mdt;

import org.maskrt.models.MaskedDenoiser;

/** A denoiser whose blocks are those of an MDT, with its masked branch and side-interpolater. */
public interface MdtDenoiser extends MaskedDenoiser {
    /** The blocks, with the sizes that say how training masks. */
    MdtBody body();

    @Override
    default int tokens() {
        return body().config().tokens();
    }
}

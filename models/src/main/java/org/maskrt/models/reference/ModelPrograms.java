package org.maskrt.models.reference;

import java.util.List;
import org.maskrt.models.Denoiser;
import org.maskrt.models.MaskedDenoiser;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.mdt.MaskPlan.Masked;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Program;
import org.maskrt.models.vae.AutoencoderKl;

/** The forward passes of a model as programs. */
public final class ModelPrograms {
    private ModelPrograms() {}

    /** Inputs: sample, timestep, condition. */
    public static Program forward(Denoiser model) {
        return new Program() {
            @Override
            public <T> T apply(Ops<T> ops, Params<T> p, List<T> in) {
                return model.forward(ops, p, in.get(0), in.get(1), in.get(2));
            }
        };
    }

    /** Inputs: sample, timestep, condition, and the mask's keep, restore and mask. */
    public static Program forwardMasked(MaskedDenoiser model) {
        return new Program() {
            @Override
            public <T> T apply(Ops<T> ops, Params<T> p, List<T> in) {
                return model.forwardMasked(
                        ops, p, in.get(0), in.get(1), in.get(2), new Masked<>(in.get(3), in.get(4), in.get(5)));
            }
        };
    }

    /** Inputs: sample, timestep, condition, hidden tokens. */
    public static Program inpaint(MdtDenoiser model) {
        return new Program() {
            @Override
            public <T> T apply(Ops<T> ops, Params<T> p, List<T> in) {
                return model.inpaint(ops, p, in.get(0), in.get(1), in.get(2), in.get(3));
            }
        };
    }

    /** Inputs: the features of the sources in order; the result is the condition. */
    public static Program collect(Emd3c model) {
        return new Program() {
            @Override
            public <T> T apply(Ops<T> ops, Params<T> p, List<T> in) {
                return model.collect(ops, p, in);
            }
        };
    }

    /** EDM's D. Inputs: sample, scaling [B,3], c_noise [B], label; then the mask's keep, restore and mask for the masked branch. */
    public static Program denoised(MaskDit model) {
        return new Program() {
            @Override
            public <T> T apply(Ops<T> ops, Params<T> p, List<T> in) {
                Masked<T> mask = in.size() == 4 ? null : new Masked<>(in.get(4), in.get(5), in.get(6));
                return model.denoised(ops, p, in.get(0), in.get(1), in.get(2), in.get(3), mask);
            }
        };
    }

    /** Inputs: pixels; the result is the class token and the patch tokens [B,1+N,D]. */
    public static Program features(DinoV2 model) {
        return new Program() {
            @Override
            public <T> T apply(Ops<T> ops, Params<T> p, List<T> in) {
                return model.tokens(ops, p, in.get(0));
            }
        };
    }

    /** Inputs: pictures; the result is the moments. */
    public static Program encode(AutoencoderKl model) {
        return new Program() {
            @Override
            public <T> T apply(Ops<T> ops, Params<T> p, List<T> in) {
                return model.encode(ops, p, in.get(0));
            }
        };
    }

    /** Inputs: latents; the result is the pictures. */
    public static Program decode(AutoencoderKl model) {
        return new Program() {
            @Override
            public <T> T apply(Ops<T> ops, Params<T> p, List<T> in) {
                return model.decode(ops, p, in.get(0));
            }
        };
    }
}

package org.maskrt.runtime;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.maskdit.MaskDit;

/**
 * Which sampler runs, and over which steps.
 *
 * @param steps as {@link org.maskrt.models.diffusion.NoiseSchedule#respace(String)} reads them: "50", "ddim25"; a number for {@link Method#HEUN}
 * @param method the sampler
 * @param eta of {@link Method#DDIM}: 0 is deterministic, 1 is ancestral; 0 for the others
 */
public record Sampling(String steps, Method method, double eta) {
    /** The samplers. */
    public enum Method {
        DDIM("ddim"),
        /** Ancestral sampling with the learned variance. */
        DDPM("ddpm"),
        /** DPM-Solver++ of second order, multistep. */
        DPM_SOLVER("dpm-solver++"),
        /** EDM's second-order sampler, for models of noise levels (MaskDiT). */
        HEUN("heun");

        private final String label;

        Method(String label) {
            this.label = label;
        }

        /** As it is named on the command line and in results. */
        public String label() {
            return label;
        }

        /** The sampler of this name. */
        public static Method named(String name) {
            return Arrays.stream(values())
                    .filter(m -> m.label.equals(name.toLowerCase(Locale.ROOT)))
                    .findFirst()
                    .orElseThrow(() -> new MaskRtException(
                            ExitCode.USAGE,
                            "there is no sampler " + name + "; use one of "
                                    + Arrays.stream(values()).map(Method::label).collect(Collectors.joining(", "))));
        }
    }

    /** Checks that only DDIM has an eta. */
    public Sampling {
        if (method != Method.DDIM && eta != 0) {
            throw new MaskRtException(
                    ExitCode.USAGE, "eta belongs to the sampler ddim, got " + eta + " for " + method.label());
        }
    }

    /** Deterministic DDIM. */
    public static Sampling ddim(String steps) {
        return new Sampling(steps, Method.DDIM, 0);
    }

    /** DDIM with noise. */
    public static Sampling ddim(String steps, double eta) {
        return new Sampling(steps, Method.DDIM, eta);
    }

    /** DDPM. */
    public static Sampling ddpm(String steps) {
        return new Sampling(steps, Method.DDPM, 0);
    }

    /** EDM's sampler over the published noise levels. */
    public static Sampling heun(int steps) {
        return new Sampling(Integer.toString(steps), Method.HEUN, 0);
    }

    /** The sampler that a model is published with: EDM's for MaskDiT, deterministic DDIM for the others. */
    public static Method methodOf(Denoiser model) {
        return model instanceof MaskDit ? Method.HEUN : Method.DDIM;
    }

    /** DPM-Solver++(2M). */
    public static Sampling dpmSolver(String steps) {
        return new Sampling(steps, Method.DPM_SOLVER, 0);
    }
}

package org.maskrt.models.diffusion;

import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * The weight w_t of classifier-free guidance at each timestep: {@code eps = eps_u + w_t (eps_c - eps_u)} (Ho and Salimans,
 * "Classifier-free diffusion guidance", 2022, in the convention where 1 is the conditional model alone and 0 the unconditional one).
 *
 * <p>t is always the timestep that the model was trained with, 0 (clean) to T - 1 (noise), whatever the respacing. Sampling runs from
 * T - 1 down to 0, so {@code 1 - t/T} is how far the denoising has come, close to 0 at its start and 1 at its end. Pure.
 */
public sealed interface Guidance {
    /** The weight at a timestep, 0 to T - 1. */
    double weight(int timestep);

    /** No guidance: the conditional model alone. */
    static Guidance none() {
        return new Constant(1);
    }

    /** The same weight everywhere. */
    record Constant(double scale) implements Guidance {
        /**
         * Checks its arguments.
         *
         * @throws MaskRtException if {@code scale} is not finite
         */
        public Constant {
            requireFinite("constant", scale);
        }

        @Override
        public double weight(int timestep) {
            return scale;
        }
    }

    /**
     * Rising evenly with the denoising: {@code w_t = (w - 1)(1 - t/T) + 1}, from about 1 to w.
     *
     * @param scale w
     * @param trainTimesteps T
     */
    record Linear(double scale, int trainTimesteps) implements Guidance {
        /**
         * Checks its arguments.
         *
         * @throws MaskRtException if {@code scale} is not finite or T is below 1
         */
        public Linear {
            requireFinite("linear", scale);
            requireTimesteps("linear", trainTimesteps);
        }

        @Override
        public double weight(int timestep) {
            return (scale - 1) * (1 - (double) timestep / trainTimesteps) + 1;
        }
    }

    /**
     * Power-cosine as MDT's published code has it: {@code w_t = (w - 1)(1 - cos(pi (1 - t/T)^s))/2 + 1}, from about 1 to w.
     *
     * @param scale w; 3.8 in MDT's sampling script
     * @param power s; 4 in MDT's sampling script: the larger, the later the weight rises
     * @param trainTimesteps T
     */
    record PowerCosine(double scale, double power, int trainTimesteps) implements Guidance {
        /**
         * Checks its arguments.
         *
         * @throws MaskRtException if {@code scale} is not finite, {@code power} is not positive, or T is below 1
         */
        public PowerCosine {
            requireFinite("power-cosine", scale);
            requirePower(power);
            requireTimesteps("power-cosine", trainTimesteps);
        }

        @Override
        public double weight(int timestep) {
            return (scale - 1) * rise(timestep, trainTimesteps, power) + 1;
        }
    }

    /**
     * Power-cosine as the MDT paper has it (Gao et al., "Masked diffusion transformer is a strong image synthesizer", 2023):
     * {@code w_t = w (1 - cos(pi (t/t_max)^s))/2}, from about 0 to w. The paper's t runs with the denoising, so its t/t_max is
     * {@code 1 - t/T} in the timesteps of this interface.
     *
     * @param scale w
     * @param power s: the larger, the later the weight rises
     * @param trainTimesteps T
     */
    record PaperPowerCosine(double scale, double power, int trainTimesteps) implements Guidance {
        /**
         * Checks its arguments.
         *
         * @throws MaskRtException if {@code scale} is not finite, {@code power} is not positive, or T is below 1
         */
        public PaperPowerCosine {
            requireFinite("power-cosine", scale);
            requirePower(power);
            requireTimesteps("power-cosine", trainTimesteps);
        }

        @Override
        public double weight(int timestep) {
            return scale * rise(timestep, trainTimesteps, power);
        }
    }

    /**
     * Guidance at timesteps {@code low} to {@code high}, both included, and none (weight 1) elsewhere (Kynkäänniemi et al., "Applying
     * guidance in a limited interval improves sample and distribution quality in diffusion models", 2024).
     */
    record Interval(Guidance inside, int low, int high) implements Guidance {
        /**
         * Checks its arguments.
         *
         * @throws MaskRtException if {@code low} exceeds {@code high}
         */
        public Interval {
            if (low > high) {
                throw usage(
                        "interval",
                        "the low timestep must not exceed the high one, got " + low + " and " + high + "; swap them");
            }
        }

        @Override
        public double weight(int timestep) {
            return timestep >= low && timestep <= high ? inside.weight(timestep) : 1;
        }
    }

    private static double rise(int timestep, int trainTimesteps, double power) {
        return (1 - Math.cos(Math.PI * Math.pow(1 - (double) timestep / trainTimesteps, power))) / 2;
    }

    private static void requireFinite(String form, double scale) {
        if (!Double.isFinite(scale)) {
            throw usage(
                    form,
                    "the scale must be a finite number, got " + scale + "; 1 is no guidance, 4 is a usual strength");
        }
    }

    private static void requirePower(double power) {
        if (!(power > 0 && power < Double.POSITIVE_INFINITY)) {
            throw usage("power-cosine", "the power must be above 0, got " + power + "; 4 is the published value");
        }
    }

    private static void requireTimesteps(String form, int trainTimesteps) {
        if (trainTimesteps < 1) {
            throw usage(
                    form,
                    "the number of training timesteps must be at least 1, got " + trainTimesteps
                            + "; take it from the noise schedule");
        }
    }

    private static MaskRtException usage(String form, String message) {
        return new MaskRtException(ExitCode.USAGE, "guidance " + form + ": " + message);
    }
}

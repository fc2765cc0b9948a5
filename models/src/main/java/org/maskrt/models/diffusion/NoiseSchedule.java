package org.maskrt.models.diffusion;

import java.util.Arrays;
import java.util.Objects;
import java.util.StringJoiner;
import java.util.TreeSet;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * How much noise each step of a diffusion adds, and which timestep the model sees there; float64 throughout.
 *
 * <p>A fresh schedule has one step per training timestep. {@link #respace} keeps some of them, with new betas that join the noise levels
 * of those that stay, and remembers the timesteps that the model was trained with. Notation of Ho et al., "Denoising diffusion
 * probabilistic models", 2020 (equations in brackets), and Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021.
 * Step {@code i} leads from noise level {@code i} to {@code i - 1}; before step 0 there is no noise. Immutable.
 */
public final class NoiseSchedule {
    private static final double MAX_BETA = 0.999;

    private final int trainTimesteps;
    private final int[] timesteps;
    private final double[] betas;
    private final double[] alphasCumprod;

    private NoiseSchedule(int trainTimesteps, int[] timesteps, double[] betas) {
        this.trainTimesteps = trainTimesteps;
        this.timesteps = timesteps;
        this.betas = betas;
        alphasCumprod = new double[betas.length];
        double product = 1;
        for (int i = 0; i < betas.length; i++) {
            product *= 1 - betas[i];
            alphasCumprod[i] = product;
        }
    }

    /** Betas rising evenly from 1e-4 to 2e-2 over 1000 timesteps: Ho et al. 2020, DiT and MDT. */
    public static NoiseSchedule linear() {
        return linear(1000, 1e-4, 2e-2);
    }

    /** Betas rising evenly from {@code betaStart} to {@code betaEnd}. */
    public static NoiseSchedule linear(int trainTimesteps, double betaStart, double betaEnd) {
        requireTimesteps(trainTimesteps);
        double stride = trainTimesteps == 1 ? 0 : (betaEnd - betaStart) / (trainTimesteps - 1);
        return of(IntStream.range(0, trainTimesteps)
                .mapToDouble(t -> t > 0 && t == trainTimesteps - 1 ? betaEnd : t * stride + betaStart)
                .toArray());
    }

    /**
     * Cosine (Nichol and Dhariwal 2021, equation 17; {@code squaredcos_cap_v2} in diffusers): alpha_bar(t) follows
     * cos^2((t/T + 0.008) / 1.008 * pi / 2), and no beta exceeds 0.999.
     */
    public static NoiseSchedule cosine(int trainTimesteps) {
        requireTimesteps(trainTimesteps);
        IntToDoubleFunction alphaBar = t -> {
            double c = Math.cos(((double) t / trainTimesteps + 0.008) / 1.008 * Math.PI / 2);
            return c * c;
        };
        return of(IntStream.range(0, trainTimesteps)
                .mapToDouble(t -> Math.min(1 - alphaBar.applyAsDouble(t + 1) / alphaBar.applyAsDouble(t), MAX_BETA))
                .toArray());
    }

    /**
     * One step per beta.
     *
     * @throws MaskRtException if there are none, or one lies outside (0, 1)
     */
    public static NoiseSchedule of(double[] betas) {
        requireTimesteps(betas.length);
        for (int t = 0; t < betas.length; t++) {
            if (!(betas[t] > 0 && betas[t] < 1)) {
                throw usage("noise schedule: beta " + t + " must lie between 0 and 1, got " + betas[t]
                        + "; check beta_start and beta_end");
            }
        }
        return new NoiseSchedule(betas.length, IntStream.range(0, betas.length).toArray(), betas.clone());
    }

    /**
     * Keeps the steps that a specification in the form of the published code names.
     *
     * <ul>
     *   <li>{@code "250"}: 250 steps spread evenly, the first and the last among them;
     *   <li>{@code "10,15,20"}: the timesteps are cut into three equal sections, which keep 10, 15 and 20 steps in that way;
     *   <li>{@code "ddim25"}: every k-th from 0 on, with the smallest whole k that gives exactly 25 (Song et al., "Denoising diffusion
     *       implicit models", 2021).
     * </ul>
     *
     * @throws MaskRtException if the specification cannot be read, asks for no step at all, for more than there are, or for a
     *     {@code ddim} count that no whole stride gives
     */
    public NoiseSchedule respace(String specification) {
        String spec = specification.strip();
        if (spec.startsWith("ddim")) {
            return keep(strided(spec, count(spec, spec.substring("ddim".length()))));
        }
        int[] counts =
                Arrays.stream(spec.split(",", -1)).mapToInt(c -> count(spec, c)).toArray();
        return keep(sections(spec, counts));
    }

    /** {@link #respace(String)} with a plain count. */
    public NoiseSchedule respace(int steps) {
        return respace(Integer.toString(steps));
    }

    private int[] strided(String spec, int count) {
        int steps = steps();
        TreeSet<Integer> possible = new TreeSet<>();
        for (int stride = 1; stride < steps; stride++) {
            int kept = (steps + stride - 1) / stride;
            if (kept == count) {
                int k = stride;
                return IntStream.range(0, kept).map(i -> i * k).toArray();
            }
            possible.add(kept);
        }
        StringJoiner instead = new StringJoiner(" or ");
        Stream.of(possible.lower(count), possible.higher(count))
                .filter(Objects::nonNull)
                .forEach(n -> instead.add("ddim" + n));
        if (count >= 1 && count <= steps) {
            instead.add("'" + count + "' for even spacing");
        }
        throw usage("steps '" + spec + "': no whole stride keeps exactly " + count + " of " + steps + " timesteps; use "
                + instead);
    }

    private int[] sections(String spec, int[] counts) {
        if (Arrays.stream(counts).asLongStream().sum() == 0) {
            throw usage(
                    "steps '" + spec + "': at least one step is needed, got none; use a count from 1 to " + steps());
        }
        int start = 0;
        IntStream.Builder kept = IntStream.builder();
        for (int s = 0; s < counts.length; s++) {
            int size = steps() / counts.length + (s < steps() % counts.length ? 1 : 0);
            if (counts[s] > size) {
                throw usage("steps '" + spec + "': section " + (s + 1) + " of " + counts.length + " has " + size
                        + " timesteps, got a count of " + counts[s] + "; use at most " + size);
            }
            double stride = counts[s] <= 1 ? 1 : (size - 1.0) / (counts[s] - 1);
            // Summed, not multiplied, and half to even: this is where the published timesteps fall.
            double position = 0;
            for (int i = 0; i < counts[s]; i++) {
                kept.add(start + (int) Math.rint(position));
                position += stride;
            }
            start += size;
        }
        return kept.build().toArray();
    }

    private NoiseSchedule keep(int[] steps) {
        int[] kept = new int[steps.length];
        double[] respaced = new double[steps.length];
        double last = 1;
        for (int i = 0; i < steps.length; i++) {
            kept[i] = timesteps[steps[i]];
            respaced[i] = 1 - alphasCumprod[steps[i]] / last;
            last = alphasCumprod[steps[i]];
        }
        return new NoiseSchedule(trainTimesteps, kept, respaced);
    }

    private static int count(String spec, String text) {
        try {
            int n = Integer.parseInt(text.strip());
            if (n >= 0) {
                return n;
            }
        } catch (NumberFormatException e) {
            // Falls through to the one message for everything that is not a count.
        }
        throw usage("steps '" + spec + "': expected a count such as 250, counts such as 10,15,20, or ddim50; got '"
                + text + "'");
    }

    private static void requireTimesteps(int timesteps) {
        if (timesteps < 1) {
            throw usage("noise schedule: at least one timestep is needed, got " + timesteps
                    + "; check num_train_timesteps (1000 in the published models)");
        }
    }

    private static MaskRtException usage(String message) {
        return new MaskRtException(ExitCode.USAGE, message);
    }

    /** The number of steps that sampling takes. */
    public int steps() {
        return betas.length;
    }

    /** T, the number of timesteps that the model was trained with; respacing does not change it. */
    public int trainTimesteps() {
        return trainTimesteps;
    }

    /** The timestep that the model sees at step {@code i}, from 0 to T - 1. */
    public int timestep(int i) {
        return timesteps[i];
    }

    /** The timesteps that the model sees, ascending. */
    public int[] timesteps() {
        return timesteps.clone();
    }

    /** beta, for each step. */
    public double[] betas() {
        return betas.clone();
    }

    /** alpha_bar, for each step. */
    public double[] alphasCumprod() {
        return alphasCumprod.clone();
    }

    /** beta of step {@code i}. */
    public double beta(int i) {
        return betas[i];
    }

    /** alpha_bar of step {@code i}; that of step -1 is 1, where there is no noise. */
    public double alphaCumprod(int i) {
        return i == -1 ? 1 : alphasCumprod[i];
    }

    /** The factor of x_0 in the mean of q(x_{t-1} | x_t, x_0) (Ho et al. 7). */
    public double posteriorMeanX0(int i) {
        return betas[i] * Math.sqrt(alphaCumprod(i - 1)) / (1 - alphasCumprod[i]);
    }

    /** The factor of x_t in the mean of q(x_{t-1} | x_t, x_0) (Ho et al. 7). */
    public double posteriorMeanXt(int i) {
        return (1 - alphaCumprod(i - 1)) * Math.sqrt(1 - betas[i]) / (1 - alphasCumprod[i]);
    }

    /** The variance of q(x_{t-1} | x_t, x_0) (Ho et al. 7); 0 at step 0. */
    public double posteriorVariance(int i) {
        return betas[i] * (1 - alphaCumprod(i - 1)) / (1 - alphasCumprod[i]);
    }

    /**
     * The logarithm of {@link #posteriorVariance}; step 0, where that is 0, takes the value of step 1, as the published code does, and
     * log beta where there is no step 1.
     */
    public double posteriorLogVariance(int i) {
        return steps() == 1 ? Math.log(betas[0]) : Math.log(posteriorVariance(Math.max(i, 1)));
    }
}

package org.maskrt.models.diffusion;

import java.util.ArrayList;
import java.util.List;

/**
 * DPM-Solver++(2M), deterministic: Lu et al., "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models", 2022,
 * algorithm 2. The timesteps are those of the schedule.
 *
 * <p>With alpha = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar), lambda = log(alpha / sigma), h the step in lambda and r the step before
 * over this one, x' = sigma'/sigma x - alpha' (exp(-h) - 1) ((1 + 1/(2r)) x_0 - 1/(2r) x_0,prev), where x_0 = (x - sigma eps) / alpha is
 * the data prediction. The memory is therefore x_0 and not eps: a multistep rule for data predictions cannot be written in the last two
 * noise predictions alone. The first step, which has no predecessor, and the last, whose h is infinite, are of first order (DDIM).
 */
public record DpmSolverPlusPlus() implements Sampler {
    @Override
    public List<Step> plan(NoiseSchedule schedule) {
        List<Step> plan = new ArrayList<>(schedule.steps());
        int first = schedule.steps() - 1;
        for (int i = first; i >= 0; i--) {
            double alpha = alpha(schedule, i);
            double sigma = sigma(schedule, i);
            double nextAlpha = alpha(schedule, i - 1);
            double nextSigma = sigma(schedule, i - 1);
            double ratio = nextSigma / sigma;
            // -alpha' (exp(-h) - 1), where exp(-h) is 0 at the last step.
            double data = nextAlpha - ratio * alpha;
            double extrapolation = i == first || i == 0
                    ? 0
                    : 0.5
                            * (lambda(schedule, i - 1) - lambda(schedule, i))
                            / (lambda(schedule, i) - lambda(schedule, i + 1));
            double now = data * (1 + extrapolation);
            plan.add(new Step(
                    schedule.timestep(i),
                    new StepCoefficients(ratio + now / alpha, -now * sigma / alpha, data - now, 0),
                    new Step.Memory(1 / alpha, -sigma / alpha)));
        }
        return plan;
    }

    private static double alpha(NoiseSchedule schedule, int i) {
        return Math.sqrt(schedule.alphaCumprod(i));
    }

    private static double sigma(NoiseSchedule schedule, int i) {
        return Math.sqrt(1 - schedule.alphaCumprod(i));
    }

    private static double lambda(NoiseSchedule schedule, int i) {
        return Math.log(alpha(schedule, i) / sigma(schedule, i));
    }
}

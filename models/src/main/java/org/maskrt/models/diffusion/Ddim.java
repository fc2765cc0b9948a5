package org.maskrt.models.diffusion;

import java.util.ArrayList;
import java.util.List;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * Song, Meng and Ermon, "Denoising diffusion implicit models", 2021, equation 12; x_0 is not clipped, as in DiT and MDT.
 *
 * @param eta sigma as a share of the posterior's standard deviation (equation 16): 0 is deterministic, 1 is ancestral sampling
 */
public record Ddim(double eta) implements Sampler {
    /**
     * Checks its arguments.
     *
     * @throws MaskRtException if eta is outside [0, 1]
     */
    public Ddim {
        if (!(eta >= 0 && eta <= 1)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "ddim: eta must be from 0 to 1, got " + eta + "; use 0 for the deterministic sampler");
        }
    }

    @Override
    public List<Step> plan(NoiseSchedule schedule) {
        List<Step> plan = new ArrayList<>(schedule.steps());
        for (int i = schedule.steps() - 1; i >= 0; i--) {
            plan.add(new Step(schedule.timestep(i), coefficients(schedule, i), Step.Memory.EPS));
        }
        return plan;
    }

    private StepCoefficients coefficients(NoiseSchedule schedule, int i) {
        double from = schedule.alphaCumprod(i);
        double to = schedule.alphaCumprod(i - 1);
        double sigma = eta * Math.sqrt((1 - to) / (1 - from)) * Math.sqrt(1 - from / to);
        double x0 = Math.sqrt(to / from);
        return new StepCoefficients(
                x0, Math.sqrt(Math.max(0, 1 - to - sigma * sigma)) - x0 * Math.sqrt(1 - from), 0, sigma);
    }
}

package org.maskrt.models.weights;

import com.fasterxml.jackson.annotation.JsonProperty;
import org.maskrt.models.Checks;
import org.maskrt.models.diffusion.NoiseSchedule;

/**
 * The noise that a model was trained with, with diffusers' names ({@code scheduler/scheduler_config.json}). Models predict the noise, and samples
 * are not clipped.
 *
 * @param numTrainTimesteps T
 * @param betaStart the first beta of {@link BetaSchedule#LINEAR}
 * @param betaEnd the last beta of {@link BetaSchedule#LINEAR}
 * @param betaSchedule how the betas run from one to the other
 */
public record ScheduleConfig(int numTrainTimesteps, double betaStart, double betaEnd, BetaSchedule betaSchedule) {
    /** How betas run over the timesteps. */
    public enum BetaSchedule {
        /** Evenly from betaStart to betaEnd. */
        @JsonProperty("linear")
        LINEAR,
        /** From a squared cosine of the noise level (Nichol and Dhariwal, 2021); the ends do not count. */
        @JsonProperty("squaredcos_cap_v2")
        COSINE
    }

    /** Checks the ranges. */
    public ScheduleConfig {
        String owner = "schedule";
        Checks.positive(owner, "num_train_timesteps", numTrainTimesteps);
        Checks.require(betaStart > 0 && betaStart < 1, owner, "beta_start", "between 0 and 1", betaStart);
        Checks.require(betaEnd >= betaStart && betaEnd < 1, owner, "beta_end", "from beta_start to 1", betaEnd);
    }

    /** Of DiT and MDT: 1000 timesteps, linear from 1e-4 to 2e-2. */
    public static ScheduleConfig linear() {
        return new ScheduleConfig(1000, 1e-4, 2e-2, BetaSchedule.LINEAR);
    }

    /** The schedule of all timesteps. */
    public NoiseSchedule schedule() {
        return switch (betaSchedule) {
            case LINEAR -> NoiseSchedule.linear(numTrainTimesteps, betaStart, betaEnd);
            case COSINE -> NoiseSchedule.cosine(numTrainTimesteps);
        };
    }
}

package org.maskrt.trainer;

import com.fasterxml.jackson.annotation.JsonProperty;

/** From which distribution the timesteps of a step are drawn. */
public enum Timesteps {
    /** All alike. */
    @JsonProperty("uniform")
    UNIFORM {
        @Override
        TimestepSampler sampler(int steps) {
            return new TimestepSampler.Uniform(steps);
        }
    },
    /** In proportion to the root mean square of their latest losses, and weighted so that the expected loss is the same. */
    @JsonProperty("loss-aware")
    LOSS_AWARE {
        @Override
        TimestepSampler sampler(int steps) {
            return new LossAwareTimesteps(steps);
        }
    };

    /** A sampler before its first draw, of timesteps in [0, steps). */
    abstract TimestepSampler sampler(int steps);
}

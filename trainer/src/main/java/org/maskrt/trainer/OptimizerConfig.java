package org.maskrt.trainer;

import com.fasterxml.jackson.annotation.JsonFormat;
import java.util.List;
import org.maskrt.models.Checks;

/**
 * How weights follow gradients.
 *
 * @param learningRate of AdamW after the warm-up
 * @param warmupSteps over which the learning rate rises linearly from 0
 * @param cosine whether it then falls to 0 along a half cosine until the last step
 * @param weightDecay decoupled, per unit of learning rate
 * @param clipNorm the largest global norm of a gradient; larger ones are scaled down to it
 * @param emaDecay of the averages of the weights, each reached by min(decay, (1 + n) / (10 + n)); the first average is the model
 */
public record OptimizerConfig(
        double learningRate,
        int warmupSteps,
        boolean cosine,
        double weightDecay,
        double clipNorm,

        @JsonFormat(
                with = {
                    JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY,
                    JsonFormat.Feature.WRITE_SINGLE_ELEM_ARRAYS_UNWRAPPED
                })
        List<Double> emaDecay) {
    /** @throws org.maskrt.models.MaskRtException (USAGE) for decays outside [0, 1), none, or one twice */
    public OptimizerConfig {
        emaDecay = List.copyOf(emaDecay);
        Checks.require(
                !emaDecay.isEmpty()
                        && emaDecay.stream().distinct().count() == emaDecay.size()
                        && emaDecay.stream().allMatch(d -> d >= 0 && d < 1),
                "optimizer",
                "ema_decay",
                "a number in [0, 1) or a list of different ones",
                emaDecay);
    }

    /** The learning rate of step {@code step} (from 0) of {@code steps}. */
    public double rate(long step, long steps) {
        double rate = learningRate * Math.min(1, (double) (step + 1) / Math.max(1, warmupSteps));
        if (!cosine || step < warmupSteps) {
            return rate;
        }
        double done = (double) (step - warmupSteps) / Math.max(1, steps - warmupSteps);
        return rate * 0.5 * (1 + Math.cos(Math.PI * done));
    }

    /** The weight that the average of decay {@code i} keeps at its update number {@code n}, from 0. */
    public double emaDecay(int i, long n) {
        return Math.min(emaDecay.get(i), (double) (1 + n) / (double) (10 + n));
    }
}

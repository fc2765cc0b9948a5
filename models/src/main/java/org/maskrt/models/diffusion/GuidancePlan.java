package org.maskrt.models.diffusion;

import java.util.Arrays;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * The guidance of one generation, known before it starts: the weight of each step, and which half of the doubled batch the step can do
 * without. At a weight of 1 the unconditional half has no influence, at 0 the conditional half; a weight within the tolerance of one of
 * these is taken for it. Tolerance 0 skips only what has exactly no influence.
 */
public final class GuidancePlan {
    private final double[] weights;
    private final boolean conditionalNeededAtZero;

    private GuidancePlan(double[] weights, boolean conditionalNeededAtZero) {
        this.weights = weights;
        this.conditionalNeededAtZero = conditionalNeededAtZero;
    }

    /**
     * The plan for the timesteps in the order in which they run.
     *
     * @param conditionalNeededAtZero whether something else reads the conditional half, so that it runs at weight 0 too: true with
     *     {@link GuidedChannels#REFERENCE} on more than three channels, and with a sampler of learned variance
     * @throws MaskRtException if the tolerance is negative or 0.5 and more
     */
    public static GuidancePlan of(
            Guidance guidance, int[] timesteps, double tolerance, boolean conditionalNeededAtZero) {
        if (!(tolerance >= 0 && tolerance < 0.5)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "guidance tolerance: expected a number from 0 to below 0.5, got " + tolerance
                            + "; 0 skips nothing that has an influence");
        }
        double[] weights =
                Arrays.stream(timesteps).mapToDouble(guidance::weight).toArray();
        for (int i = 0; i < weights.length; i++) {
            if (Math.abs(weights[i] - 1) <= tolerance) {
                weights[i] = 1;
            } else if (!conditionalNeededAtZero && Math.abs(weights[i]) <= tolerance) {
                weights[i] = 0;
            }
        }
        return new GuidancePlan(weights, conditionalNeededAtZero);
    }

    public int steps() {
        return weights.length;
    }

    /** The weight of the {@code i}-th step that runs; exactly 1 or 0 where it was within the tolerance. */
    public double weight(int i) {
        return weights[i];
    }

    /** Whether the {@code i}-th step runs the model on the labels. */
    public boolean conditional(int i) {
        return weights[i] != 0 || conditionalNeededAtZero;
    }

    /** Whether the {@code i}-th step runs the model on the null class. */
    public boolean unconditional(int i) {
        return weights[i] != 1;
    }

    /** The rows that all steps together run for one image; {@code 2 * steps()} where nothing is skipped. */
    public int rows() {
        int rows = 0;
        for (int i = 0; i < weights.length; i++) {
            rows += (conditional(i) ? 1 : 0) + (unconditional(i) ? 1 : 0);
        }
        return rows;
    }
}

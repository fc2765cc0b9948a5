package org.maskrt.models.diffusion;

import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * When a guided step of one picture can do without the unconditional half. With d = eps_c - eps_u, the direction of guidance, the guided noise is
 * {@code eps_c + (w - 1) d}, and d changes slowly from step to step: a step may take it from the last step that ran both halves.
 *
 * <p>n steps after that one, the error of d is estimated as r n, where r is how much d has changed per step between the last two steps that ran both
 * halves, as root mean square over the guided channels; before there are two, r is the root mean square of d itself. What counts is the error of the
 * picture that the step predicts, x_0 = (x - sigma eps) / alpha: |w - 1| sigma / alpha times that of d. Both halves run when the errors of
 * consecutive steps without would add up to more than the tolerance. Latents have a root mean square of about 1.
 */
public final class DirectionReuse {
    private final double tolerance;
    private final int size;
    private final float[] direction;
    private boolean known;
    private double change;
    private double error;
    private int age;

    /**
     * Before the first step.
     *
     * @param tolerance of the sum of errors of the predicted picture, latents being about 1
     * @param size elements of the model's output for a picture, [O,H,W]
     * @param guided of these, the first, on which guidance acts
     */
    public DirectionReuse(double tolerance, int size, int guided) {
        requireTolerance(tolerance);
        this.tolerance = tolerance;
        this.size = size;
        this.direction = new float[guided];
    }

    /**
     * Checks a tolerance.
     *
     * @throws MaskRtException (USAGE) if it is negative or not finite
     */
    public static void requireTolerance(double tolerance) {
        if (!(tolerance >= 0 && tolerance < Double.POSITIVE_INFINITY)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "reuse: expected a tolerance of 0 or more, got " + tolerance
                            + "; 0 reuses nothing, 0.05 spares nearly half of the work where guidance is weak at first");
        }
    }

    /**
     * Goes on to the next step.
     *
     * @param effect of an error of d on the predicted picture: (w - 1) sigma / alpha where d is a difference of predicted noise
     * @return whether the step has to run the unconditional half
     */
    public boolean advance(double effect) {
        age++;
        error += Math.abs(effect) * change * age;
        // not finite is too much
        return !(known && error <= tolerance);
    }

    /**
     * The step has run both halves.
     *
     * @param conditional outputs [B,O,H,W]
     * @param unconditional outputs [B,O,H,W]
     * @param picture whose outputs to look at
     */
    public void renew(float[] conditional, float[] unconditional, int picture) {
        int from = picture * size;
        double squares = 0;
        for (int i = 0; i < direction.length; i++) {
            float now = conditional[from + i] - unconditional[from + i];
            double difference = now - direction[i];
            squares += difference * difference;
            direction[i] = now;
        }
        change = Math.sqrt(squares / direction.length) / (known ? age : 1);
        known = true;
        age = 0;
        error = 0;
    }

    /** The step has run the conditional half alone: makes the guided channels of the unconditional one of it, whose other channels guidance does not read. */
    public void fill(float[] conditional, float[] unconditional, int picture) {
        int from = picture * size;
        for (int i = 0; i < direction.length; i++) {
            unconditional[from + i] = conditional[from + i] - direction[i];
        }
    }
}

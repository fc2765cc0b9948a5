package org.maskrt.trainer;

import org.maskrt.trainer.MaskSchedule.Unmasking;

/**
 * How the masked pass of an MDT or E-MD3C is trained, beside its mask ratio (MDT, section 3.2).
 *
 * @param maskRange by how much a drawn ratio may be larger than the mask ratio; 0 for a fixed one
 * @param maskedWeight lambda, of the loss of the masked pass, against 1 for that of the full pass
 * @param unmasking how the ratio falls in the last steps; where it is 0 there is no masked pass
 * @param unmaskFrom the step at which it begins to fall
 * @param unmaskSteps over how many steps it falls
 */
public record MdtTraining(
        double maskRange, double maskedWeight, Unmasking unmasking, long unmaskFrom, long unmaskSteps) {
    MaskSchedule schedule(double maskRatio) {
        return new MaskSchedule(maskRatio, maskRange, unmasking, unmaskFrom, unmaskSteps);
    }
}

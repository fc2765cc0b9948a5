package org.maskrt.trainer;

import org.maskrt.trainer.MaskSchedule.Unmasking;

/**
 * What the training of a MaskDiT needs beside sizes (Zheng et al., 2023, sections 3.3 and 3.4).
 *
 * @param maskRatio of the tokens that are hidden
 * @param maskRange by how much a drawn ratio may be larger
 * @param maeWeight of the reconstruction of hidden tokens in the loss
 * @param unmasking how the ratio falls in the last steps
 * @param unmaskFrom the step at which it begins to fall
 * @param unmaskSteps over how many steps it falls
 */
public record MaskDitTraining(
        double maskRatio, double maskRange, double maeWeight, Unmasking unmasking, long unmaskFrom, long unmaskSteps) {
    MaskSchedule schedule() {
        return new MaskSchedule(maskRatio, maskRange, unmasking, unmaskFrom, unmaskSteps);
    }
}

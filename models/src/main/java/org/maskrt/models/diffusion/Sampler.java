package org.maskrt.models.diffusion;

import java.util.List;

/** A sampler whose steps are linear in the sample, the predicted noise, one remembered tensor and fresh noise. Pure. */
public sealed interface Sampler permits Ddim, DpmSolverPlusPlus {
    /** The steps from pure noise to the image, in the order in which they run: the highest timestep first. */
    List<Step> plan(NoiseSchedule schedule);
}

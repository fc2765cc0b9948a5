package org.maskrt.runtime;

import java.util.List;

/**
 * A sampling run whose noise is given: how a runtime is compared with recorded numbers.
 *
 * @param start the noise that sampling starts from, [n,C,H,W]
 * @param labels of the n pictures
 * @param stepNoise the noise of each step, [steps,n,C,H,W]
 * @param sampling the sampler and its steps
 * @param guidance the guidance
 */
public record Trajectory(
        float[] start, List<Integer> labels, float[] stepNoise, Sampling sampling, GuidanceOptions guidance) {
    public Trajectory {
        labels = List.copyOf(labels);
    }
}

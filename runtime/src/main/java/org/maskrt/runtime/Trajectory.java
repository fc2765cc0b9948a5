package org.maskrt.runtime;

import java.util.Arrays;
import java.util.List;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.reference.ReferenceCase;

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

    /** The run that a case of kind {@code trajectory} recorded. */
    public static Trajectory of(ReferenceCase recorded) {
        String steps = recorded.config("steps").asText();
        Sampling sampling = recorded.config("sampler").asText().equals("ddpm")
                ? Sampling.ddpm(steps)
                : Sampling.ddim(steps, recorded.config("eta").asDouble());
        double scale = recorded.config("cfg_scale").asDouble();
        Guidance guidance = recorded.config("scale_pow").isMissingNode()
                ? new Guidance.Constant(scale)
                : new Guidance.PowerCosine(
                        scale,
                        recorded.config("scale_pow").asDouble(),
                        NoiseSchedule.linear().trainTimesteps());
        List<Integer> labels = Arrays.stream(recorded.tensor("y").indices())
                .mapToObj(Math::toIntExact)
                .toList();
        // deterministic runs recorded no noise
        float[] stepNoise = recorded.has("step_noise")
                ? recorded.tensor("step_noise").values()
                : new float[recorded.tensor("trajectory").size()];
        return new Trajectory(
                recorded.tensor("x_T").values(), labels, stepNoise, sampling, GuidanceOptions.of(guidance));
    }
}

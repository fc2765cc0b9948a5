package org.maskrt.runtime;

import java.util.List;
import org.maskrt.models.diffusion.Guidance;

/**
 * What to generate.
 *
 * @param labels the class of each picture; the number of classes stands for the null class
 * @param seeds the noise
 * @param sampling the sampler and its steps
 * @param guidance the guidance
 * @param keepLatents whether the result holds the final latents too
 */
public record GenerationRequest(
        List<Integer> labels, Seeds seeds, Sampling sampling, GuidanceOptions guidance, boolean keepLatents) {
    public GenerationRequest {
        labels = List.copyOf(labels);
    }

    /** A picture of each label: 50 steps of DDIM, without guidance, noise per picture from seed 0. */
    public static GenerationRequest of(List<Integer> labels) {
        return new GenerationRequest(labels, Seeds.perImage(0), Sampling.ddim("50"), GuidanceOptions.NONE, false);
    }

    /** This request with other noise. */
    public GenerationRequest with(Seeds other) {
        return new GenerationRequest(labels, other, sampling, guidance, keepLatents);
    }

    /** This request with another sampler. */
    public GenerationRequest with(Sampling other) {
        return new GenerationRequest(labels, seeds, other, guidance, keepLatents);
    }

    /** This request with other guidance. */
    public GenerationRequest with(GuidanceOptions other) {
        return new GenerationRequest(labels, seeds, sampling, other, keepLatents);
    }

    /** This request with other guidance on the published channels. */
    public GenerationRequest with(Guidance other) {
        return with(GuidanceOptions.of(other));
    }

    /** This request with the final latents in its result. */
    public GenerationRequest withLatents() {
        return new GenerationRequest(labels, seeds, sampling, guidance, true);
    }
}

package org.maskrt.runtime;

import java.util.List;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;

/**
 * Objects to be drawn into scenes.
 *
 * @param pairs an object and its scene for each result
 * @param seeds the noise
 * @param sampling the sampler and its steps
 * @param guidance the guidance
 */
public record CustomizationRequest(
        List<Customization> pairs, Seeds seeds, Sampling sampling, GuidanceOptions guidance) {
    public CustomizationRequest {
        pairs = List.copyOf(pairs);
    }

    /** 50 steps of DDIM with power-cosine guidance of scale 2 on all channels, noise per picture from seed 0. */
    public static CustomizationRequest of(List<Customization> pairs) {
        return new CustomizationRequest(
                pairs,
                Seeds.perImage(0),
                Sampling.ddim("50"),
                new GuidanceOptions(
                        new Guidance.PowerCosine(2, 4, NoiseSchedule.linear().trainTimesteps()),
                        GuidedChannels.ALL,
                        0));
    }

    /** This request with other noise. */
    public CustomizationRequest with(Seeds other) {
        return new CustomizationRequest(pairs, other, sampling, guidance);
    }

    /** This request with another sampler. */
    public CustomizationRequest with(Sampling other) {
        return new CustomizationRequest(pairs, seeds, other, guidance);
    }

    /** This request with other guidance. */
    public CustomizationRequest with(GuidanceOptions other) {
        return new CustomizationRequest(pairs, seeds, sampling, other);
    }
}

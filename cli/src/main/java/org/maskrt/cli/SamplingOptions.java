package org.maskrt.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GuidanceOptions;
import org.maskrt.runtime.Sampling;
import org.maskrt.runtime.Seeds;
import picocli.CommandLine.Option;

/** The options of everything that samples. */
final class SamplingOptions {
    /** How the guidance weight follows the timestep. */
    enum Schedule {
        none,
        constant,
        linear,
        cosine,
        cosine_paper
    }

    @Option(
            names = {"--num-sampling-steps", "--steps", "--denoising-steps"},
            paramLabel = "N",
            description =
                    "Steps of the sampler: a number, or 'ddimN' for DDIM's even stride (default: ${DEFAULT-VALUE}).")
    private String steps = "50";

    @Option(
            names = "--sampler",
            paramLabel = "NAME",
            description =
                    "ddim, ddpm (learned variance), dpm-solver++ (2M), or heun (MaskDiT's) (default: heun for MaskDiT, ddim for the others).")
    private @Nullable String sampler;

    @Option(names = "--eta", description = "Noise of DDIM: 0 none, 1 as much as DDPM (default: ${DEFAULT-VALUE}).")
    private double eta;

    @Option(
            names = {"--cfg-scale", "--guidance-scale"},
            paramLabel = "W",
            description =
                    "Weight of classifier-free guidance; 1 is none (default: 1.5 for MaskDiT, 3.8 for the others).")
    private @Nullable Double scale;

    @Option(
            names = "--guidance",
            paramLabel = "SCHEDULE",
            description =
                    "How the weight follows the timestep: none, constant, linear, cosine (power-cosine as MDT's code has it) or"
                            + " cosine_paper (as the MDT paper has it) (default: constant for MaskDiT, cosine for the others).")
    private @Nullable Schedule guidance;

    @Option(
            names = {"--scale-pow", "--pow-scale"},
            paramLabel = "S",
            description = "Power of the cosine schedules (default: ${DEFAULT-VALUE}).")
    private double power = 4;

    @Option(
            names = "--guided-channels",
            paramLabel = "WHICH",
            description = "reference (the first three) or all (default: as the model's authors sample).")
    private @Nullable GuidedChannels channels;

    @Option(
            names = "--skip-tolerance",
            paramLabel = "T",
            description =
                    "Leave out the unconditional half of steps whose weight is within T of 1, and the conditional half within T of 0"
                            + " (default: only where the half has no influence at all).")
    private double skipTolerance;

    @Option(
            names = "--reuse",
            paramLabel = "T",
            description =
                    "Leave out the unconditional half of steps while the difference of the halves, taken from an earlier step, is estimated to"
                            + " change the latents, which are about 1, by no more than T; see docs/performance.md (default: 0, nothing is reused).")
    private double reuse;

    @Option(
            names = {"--seed", "--global-seed"},
            paramLabel = "SEED",
            description = "Seed of the first picture; picture i has seed + i (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--seeds", paramLabel = "LIST", description = "A seed for each picture, such as 1,2,5-10.")
    private @Nullable String seeds;

    @Option(
            names = "--rng",
            paramLabel = "NAME",
            description =
                    "per-image (pictures do not depend on the batch) or torch-cpu (PyTorch's CPU stream for the whole request)"
                            + " (default: ${DEFAULT-VALUE}).")
    private String rng = "per-image";

    /** A picture of each label by the pipeline's model, as these options say. */
    GenerationRequest request(DiffusionPipeline pipeline, List<Integer> labels) {
        Sampling.Method method = sampler == null ? Sampling.methodOf(pipeline.model()) : Sampling.Method.named(sampler);
        return GenerationRequest.of(labels)
                .with(new Sampling(steps, method, eta))
                .with(guidance(pipeline, method))
                .with(seeds());
    }

    /** The channels that guidance is to act on; null for those that the model's authors guide. */
    @Nullable
    GuidedChannels guidedChannels() {
        return channels;
    }

    private GuidanceOptions guidance(DiffusionPipeline pipeline, Sampling.Method method) {
        int trainTimesteps = pipeline.schedule().trainTimesteps();
        boolean heun = method == Sampling.Method.HEUN;
        double published = heun ? 1.5 : pipeline.model() instanceof Emd3c ? 2 : 3.8;
        double weight = scale == null ? published : scale;
        Schedule form = guidance == null ? heun ? Schedule.constant : Schedule.cosine : guidance;
        Guidance schedule = weight == 1
                ? Guidance.none()
                : switch (form) {
                    case none -> Guidance.none();
                    case constant -> new Guidance.Constant(weight);
                    case linear -> new Guidance.Linear(weight, trainTimesteps);
                    case cosine -> new Guidance.PowerCosine(weight, power, trainTimesteps);
                    case cosine_paper -> new Guidance.PaperPowerCosine(weight, power, trainTimesteps);
                };
        return new GuidanceOptions(
                schedule, channels == null ? pipeline.model().guidedChannels() : channels, skipTolerance, reuse);
    }

    private Seeds seeds() {
        Seeds.Rng generator = Seeds.Rng.named(rng);
        return new Seeds(generator, seeds == null ? List.of(seed) : numbers(seeds));
    }

    /** "1,2,5-7" to [1, 2, 5, 6, 7]. */
    static List<Long> numbers(String list) {
        List<Long> out = new ArrayList<>();
        for (String part : list.split(",", -1)) {
            String[] ends = part.trim().split("(?<=\\d)-", 2);
            try {
                long first = Long.parseLong(ends[0]);
                long last = ends.length == 1 ? first : Long.parseLong(ends[1]);
                if (last < first || last - first > 1_000_000) {
                    throw new NumberFormatException();
                }
                LongStream.rangeClosed(first, last).forEach(out::add);
            } catch (NumberFormatException e) {
                throw new MaskRtException(
                        ExitCode.USAGE, "--seeds: expected numbers and ranges such as 1,2,5-10, got '" + part + "'", e);
            }
        }
        return out;
    }
}

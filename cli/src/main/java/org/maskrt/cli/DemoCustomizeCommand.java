package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.perf.ObjectFidelity;
import org.maskrt.perf.PeakMemory;
import org.maskrt.runtime.Customization;
import org.maskrt.runtime.CustomizationRequest;
import org.maskrt.runtime.CustomizationResult;
import org.maskrt.runtime.CustomizationTable;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GuidanceOptions;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.SampleWriter;
import org.maskrt.runtime.Sampling;
import org.maskrt.runtime.Seeds;
import org.maskrt.trainer.data.Pair;
import org.maskrt.trainer.data.Scenes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code maskrt demo customize}. */
@Command(
        name = "customize",
        mixinStandardHelpOptions = true,
        description = {
            "From the shipped E-MD3C to objects in scenes: export it, prove the export equal to the eager model, draw objects into scenes that it has"
                    + " not seen, and put source, scene with box, result and truth into a table.",
            "The judge is the model's image encoder: is each drawn object nearer to its own picture than to another of its class? Exit code 4 if"
                    + " too few are (with 50 pairs or more)."
        })
final class DemoCustomizeCommand implements Callable<Integer> {
    private static final Set<String> GRAPHS =
            Set.of("conditioner", "guided_step", "denoiser", "ccnet", "image_encoder", "vae_encoder", "vae_decoder");
    /** Of the scenes; training draws from its own seed. */
    private static final long UNSEEN = 1_000_003;

    /** Of the power-cosine guidance, which begins early enough to draw outlines; chosen on other scenes than those judged here. */
    private static final double SCALE = 4;

    private static final double POWER = 1;

    private static final int SHOWN = 10;
    private static final int JUDGED_FROM = 50;

    @Spec
    private CommandSpec spec;

    @Option(names = "--model", paramLabel = "DIR", description = "Another model folder (default: the shipped one).")
    private @Nullable Path model;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            description = "Where the pictures go (default: out/demo-customize in the repository).")
    private @Nullable Path output;

    @Option(
            names = "--pairs",
            paramLabel = "N",
            description = "Objects and scenes, of which the first ten are in the table (default: ${DEFAULT-VALUE}).")
    private int count = 10;

    @Option(
            names = "--min-share",
            paramLabel = "SHARE",
            description = "The share that must be nearer to its own object (default: ${DEFAULT-VALUE}).")
    private double minShare = 0.9;

    @Option(
            names = {"--num-sampling-steps", "--steps"},
            paramLabel = "N",
            description = "Steps of DDIM (default: ${DEFAULT-VALUE}).")
    private String steps = "50";

    @Option(names = "--seed", description = "Seed of the first result (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        if (count < 1) {
            throw new MaskRtException(ExitCode.USAGE, "--pairs: expected 1 or more, got " + count);
        }
        PrintWriter out = spec.commandLine().getOut();
        Path folder = model == null ? DemoCommand.shipped("scenes") : model;
        DemoCommand.export(folder, GRAPHS, out, quiet);
        Scenes scenes;
        CustomizationResult result;
        List<RgbImage> truths = new ArrayList<>();
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, PipelineOptions.DEFAULT)) {
            scenes = scenes(pipeline, count);
            List<Customization> pairs = pairs(scenes);
            pairs.forEach(pair -> truths.add(pair.scene()));
            CustomizationRequest request = CustomizationRequest.of(pairs)
                    .with(Sampling.ddim(steps))
                    .with(Seeds.perImage(seed))
                    .with(guidance());
            result = SampleCommand.watched(
                    quiet, (listener, cancellation) -> pipeline.customize(request, listener, cancellation));
        }
        Path pictures = output == null ? DemoCommand.root().resolve("out/demo-customize") : output;
        Path table =
                new SampleWriter(pictures, true, Map.of()).write(result, CustomizationTable.of(result, truths, SHOWN));
        out.print("draw     ");
        SampleCommand.print(out, result.timings());
        PeakMemory.bytes().ifPresent(bytes -> out.println("memory   " + Tables.bytes(bytes) + " at the most"));
        boolean enough = judge(folder, scenes, result, truths, out);
        out.println("table    " + table.toAbsolutePath().normalize());
        return enough ? ExitCode.OK.value() : ExitCode.TOLERANCE.value();
    }

    /** Drawn scenes of the size of a model's pictures that training has not seen. */
    static Scenes scenes(DiffusionPipeline pipeline, int count) {
        return new Scenes(Scenes.sizeFor(pipeline.imageSize()), UNSEEN, count);
    }

    /** Their objects, each to be drawn into its own scene. */
    static List<Customization> pairs(Scenes scenes) {
        List<Customization> pairs = new ArrayList<>();
        for (int i = 0; i < scenes.count(); i++) {
            Pair pair = scenes.get(i);
            pairs.add(new Customization(pair.object(), pair.mask(), pair.target(), pair.box()));
        }
        return pairs;
    }

    private static GuidanceOptions guidance() {
        int timesteps = NoiseSchedule.linear().trainTimesteps();
        return new GuidanceOptions(new Guidance.PowerCosine(SCALE, POWER, timesteps), GuidedChannels.ALL, 0);
    }

    private boolean judge(
            Path folder, Scenes scenes, CustomizationResult result, List<RgbImage> truths, PrintWriter out) {
        List<Integer> labels = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            labels.add(scenes.label(i));
        }
        try (ModelFolder files = ModelFolder.open(folder)) {
            Component<DinoV2> encoder =
                    files.imageEncoders().values().iterator().next();
            int size = files.pictureSize(encoder.model());
            List<Customization> pairs = result.request().pairs();
            ObjectFidelity.Verdict drawn = ObjectFidelity.of(encoder, size, pairs, labels, result.images());
            ObjectFidelity.Verdict truth = ObjectFidelity.of(encoder, size, pairs, labels, truths);
            out.printf(
                    Locale.ROOT,
                    "objects  cosine to their own pictures %.3f (of the true scenes %.3f); pixels changed outside the boxes: %d%n",
                    drawn.cosine(),
                    truth.cosine(),
                    drawn.changed());
            if (drawn.compared() > 0) {
                out.printf(
                        Locale.ROOT,
                        "         nearer to their own than to another of their class: %d of %d, %.1f %% (true scenes %.1f %%, at least %.1f %%"
                                + " wanted)%n",
                        drawn.nearer(),
                        drawn.compared(),
                        100 * drawn.share(),
                        100 * truth.share(),
                        100 * minShare);
            }
            return drawn.changed() == 0 && (drawn.compared() < JUDGED_FROM || drawn.share() >= minShare);
        }
    }
}

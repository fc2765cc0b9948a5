package org.maskrt.cli;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;
import org.maskrt.runtime.Customization;
import org.maskrt.runtime.CustomizationRequest;
import org.maskrt.runtime.CustomizationResult;
import org.maskrt.runtime.CustomizationTable;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.SampleWriter;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt customize}. */
@Command(
        name = "customize",
        mixinStandardHelpOptions = true,
        description = {
            "Draw an object into a box of a scene with an exported E-MD3C; the scene outside the box stays as it is, to the bit.",
            "Writes 000000.png and so on (the whole scene, parameters inside) and table.png (object, scene with box, result)."
        })
final class CustomizeCommand implements Callable<Integer> {
    private static final int TABLE_ROWS = 32;

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "MODEL",
            description = "A model folder of an E-MD3C with its image encoders and onnx/ (see 'maskrt export').")
    private Path model;

    @Option(
            names = "--object",
            required = true,
            paramLabel = "FILE",
            description = "A picture of the object; where it is, its transparency says, or --object-mask.")
    private Path object;

    @Option(
            names = "--object-mask",
            paramLabel = "FILE",
            description = "A picture of the object's size: white where the object is.")
    private @Nullable Path objectMask;

    @Option(names = "--scene", required = true, paramLabel = "FILE", description = "The scene, of any size.")
    private Path scene;

    @ArgGroup(multiplicity = "1")
    private Place place = new Place();

    static final class Place {
        @Option(names = "--box", paramLabel = "X,Y,W,H", description = "Where the object goes, in the scene's pixels.")
        private @Nullable String box;

        @Option(
                names = "--mask",
                paramLabel = "FILE",
                description = "A picture of the scene's size: the box around what is white is where the object goes.")
        private @Nullable Path mask;
    }

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "DIR",
            description = "Where the pictures go.")
    private Path output;

    @Option(
            names = "--count",
            paramLabel = "N",
            description = "Results, each from its own seed (default: ${DEFAULT-VALUE}).")
    private int count = 1;

    @Mixin
    private SamplingOptions sampling;

    @Mixin
    private BackendOptions backend;

    @Option(names = "--force", description = "Replace pictures that are there already.")
    private boolean force;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        if (count < 1) {
            throw new MaskRtException(ExitCode.USAGE, "--count: expected 1 or more, got " + count);
        }
        RgbImage ground = Images.decode(scene);
        Customization pair = new Customization(Images.decode(object), objectMask(), ground, box(ground));
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(model, backend.pipeline())) {
            SampleCommand.printMemory(spec.commandLine().getOut(), pipeline);
            GenerationRequest how = sampling.request(pipeline, List.of(0));
            CustomizationRequest request = new CustomizationRequest(
                    Collections.nCopies(count, pair), how.seeds(), how.sampling(), how.guidance());
            CustomizationResult result = SampleCommand.watched(
                    quiet, (listener, cancellation) -> pipeline.customize(request, listener, cancellation));
            Path table = new SampleWriter(output, force, pipeline.classNames())
                    .write(result, CustomizationTable.of(result, List.of(), TABLE_ROWS));
            SampleCommand.print(spec.commandLine().getOut(), result.timings());
            spec.commandLine()
                    .getOut()
                    .printf(Locale.ROOT, "%d pictures: %s%n", result.images().size(), table);
        }
        return 0;
    }

    private Mask objectMask() {
        if (objectMask != null) {
            return Mask.of(Images.decode(objectMask));
        }
        Mask alpha = Images.decodeAlpha(object);
        if (alpha == null) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    object
                            + ": expected an object with transparency around it, found none; name its mask with --object-mask");
        }
        return alpha;
    }

    private Box box(RgbImage ground) {
        if (place.mask != null) {
            Mask mask = Mask.of(Images.decode(place.mask));
            if (mask.width() != ground.width() || mask.height() != ground.height() || mask.isEmpty()) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        place.mask + ": expected a mask of the scene's size, " + ground.width() + " x "
                                + ground.height()
                                + ", with something white in it, got " + mask.width() + " x " + mask.height()
                                + (mask.isEmpty() ? " all black" : "") + "; use --box instead");
            }
            return mask.bounds();
        }
        String text = String.valueOf(place.box);
        if (!text.matches("\\d{1,6},\\d{1,6},[1-9]\\d{0,5},[1-9]\\d{0,5}")) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "--box: expected X,Y,WIDTH,HEIGHT in pixels, such as 10,20,128,96, got '" + text + "'");
        }
        String[] parts = text.split(",");
        return new Box(
                Integer.parseInt(parts[0]),
                Integer.parseInt(parts[1]),
                Integer.parseInt(parts[2]),
                Integer.parseInt(parts[3]));
    }
}

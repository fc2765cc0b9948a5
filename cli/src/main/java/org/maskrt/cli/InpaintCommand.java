package org.maskrt.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.InpaintRequest;
import org.maskrt.runtime.InpaintRequest.Method;
import org.maskrt.runtime.SampleWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt inpaint}. */
@Command(
        name = "inpaint",
        mixinStandardHelpOptions = true,
        description = {
            "Paint the masked part of a picture; the rest of it stays as it is, to the bit.",
            "MDT does it with its side-interpolater (graphs inpaint and vae_encoder: 'maskrt export MODEL --graphs"
                    + " inpaint,vae_encoder,vae_decoder'), any model by replacing what is known before each step.",
            "Writes 000000.png and so on (parameters inside), samples_NxHxWx3.npz, and grid.png."
        })
final class InpaintCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "A model folder with onnx/ (see 'maskrt export').")
    private Path model;

    @Option(names = "--image", required = true, paramLabel = "FILE", description = "The picture.")
    private Path image;

    @Option(
            names = "--mask",
            required = true,
            paramLabel = "FILE",
            description = "A picture of the same size: white where the model paints, black where the picture stays.")
    private Path mask;

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "DIR",
            description = "Where the pictures go.")
    private Path output;

    @Option(
            names = "--class-labels",
            split = ",",
            required = true,
            paramLabel = "CLASS",
            description = "What the picture shows, by index or name; a result for each, comma-separated.")
    private List<String> classes;

    @Option(
            names = "--per-class",
            paramLabel = "N",
            description = "Pictures of each class (default: ${DEFAULT-VALUE}).")
    private int perClass = 1;

    @Option(
            names = "--method",
            paramLabel = "NAME",
            description =
                    "side-interpolater (MDT: the encoder sees only what is known) or replace (any model) (default: side-interpolater"
                            + " where the model has one).")
    private @Nullable String method;

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
        RgbImage picture = Images.decode(image);
        RgbImage hidden = Images.decode(mask);
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(model, backend.pipeline())) {
            SampleCommand.printMemory(spec.commandLine().getOut(), pipeline);
            int size = pipeline.imageSize();
            boolean same = picture.width() == hidden.width() && picture.height() == hidden.height();
            if (same && (picture.width() != size || picture.height() != size)) {
                spec.commandLine()
                        .getErr()
                        .printf(
                                "%s: %d x %d; its middle is taken, %d x %d as the model makes them%n",
                                image, picture.width(), picture.height(), size, size);
                picture = Images.centerCrop(picture, size);
                hidden = Images.centerCrop(hidden, size);
            }
            Method way = method != null
                    ? Method.named(method)
                    : pipeline.model() instanceof MdtDenoiser ? Method.SIDE_INTERPOLATER : Method.REPLACE;
            InpaintRequest request = new InpaintRequest(
                    picture,
                    Mask.of(hidden),
                    way,
                    sampling.request(
                            pipeline, SampleCommand.repeated(SampleCommand.labels(pipeline, classes), perClass)));
            GenerationResult result = SampleCommand.watched(
                    quiet, (listener, cancellation) -> pipeline.inpaint(request, listener, cancellation));
            SampleWriter.Written written = new SampleWriter(output, force, pipeline.classNames()).write(result);
            SampleCommand.print(spec.commandLine().getOut(), result, written);
        }
        return 0;
    }
}

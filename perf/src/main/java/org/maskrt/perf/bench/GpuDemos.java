package org.maskrt.perf.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.perf.ClassAccuracy;
import org.maskrt.perf.ObjectFidelity;
import org.maskrt.perf.metrics.ImageSimilarity;
import org.maskrt.runtime.Customization;
import org.maskrt.runtime.CustomizationRequest;
import org.maskrt.runtime.CustomizationResult;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.GuidanceOptions;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Sampling;
import org.maskrt.runtime.Seeds;
import org.maskrt.trainer.TrainListener;
import org.maskrt.trainer.data.Pair;
import org.maskrt.trainer.data.Scenes;

/** The pictures of trained models on another backend beside those of ONNX Runtime in fp32, from the same noise and guidance. */
public final class GpuDemos {
    private static final long UNSEEN = 1_000_003;

    private final PipelineOptions options;
    private final int steps;
    private final int pictures;

    /**
     * For comparisons.
     *
     * @param options of the backend that is compared
     * @param steps of DDIM
     * @param pictures of each model, about
     */
    public GpuDemos(PipelineOptions options, int steps, int pictures) {
        this.options = options;
        this.steps = steps;
        this.pictures = pictures;
    }

    private GuidanceOptions guidance(double scale) {
        return new GuidanceOptions(
                new Guidance.PowerCosine(scale, 1, NoiseSchedule.linear().trainTimesteps()), GuidedChannels.ALL, 0);
    }

    /** {@code run} on a pipeline in fp32, then on the other backend. */
    private <R> List<R> both(Path folder, Function<DiffusionPipeline, R> run) {
        List<R> results = new ArrayList<>();
        for (PipelineOptions each : List.of(PipelineOptions.DEFAULT, options)) {
            try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, each)) {
                results.add(run.apply(pipeline));
            }
        }
        return results;
    }

    private static List<Double> psnr(List<RgbImage> exact, List<RgbImage> images) {
        List<Double> psnr = new ArrayList<>();
        for (int i = 0; i < exact.size(); i++) {
            // equal pictures are infinitely alike, which JSON cannot say
            psnr.add(Math.min(99, ImageSimilarity.psnr(exact.get(i), images.get(i))));
        }
        return psnr;
    }

    /**
     * A model of the drawn shapes: a classifier says which class each picture shows.
     *
     * @param cancelled whether to give up
     */
    public GpuResult.Demo shapes(Path folder, BooleanSupplier cancelled) {
        List<GenerationResult> results = both(folder, pipeline -> {
            List<Integer> labels = new ArrayList<>();
            int classes = pipeline.model().numClasses();
            for (int label = 0; label < classes; label++) {
                labels.addAll(Collections.nCopies((pictures + classes - 1) / classes, label));
            }
            return pipeline.generate(GenerationRequest.of(labels)
                    .with(Sampling.ddim(Integer.toString(steps)))
                    .with(guidance(4))
                    .with(Seeds.perImage(1)));
        });
        int size = results.get(0).images().get(0).width();
        try (ClassAccuracy judge = ClassAccuracy.ofShapes(size, new TrainListener() {}, cancelled)) {
            return new GpuResult.Demo(
                    String.valueOf(folder.getFileName()),
                    steps,
                    psnr(results.get(0).images(), results.get(1).images()),
                    "pictures that a classifier gives the class that was asked for",
                    judge.of(results.get(1)).accuracy(),
                    judge.of(results.get(0)).accuracy());
        }
    }

    /** An E-MD3C of the drawn scenes: its image encoder says whether each object is nearer to its own picture than to another's. */
    public GpuResult.Demo scenes(Path folder) {
        List<Integer> labels = new ArrayList<>();
        List<CustomizationResult> results = both(folder, pipeline -> {
            labels.clear();
            Scenes scenes = new Scenes(Scenes.sizeFor(pipeline.imageSize()), UNSEEN, pictures);
            List<Customization> pairs = new ArrayList<>();
            for (int i = 0; i < pictures; i++) {
                Pair pair = scenes.get(i);
                labels.add(scenes.label(i));
                pairs.add(new Customization(pair.object(), pair.mask(), pair.target(), pair.box()));
            }
            return pipeline.customize(CustomizationRequest.of(pairs)
                    .with(Sampling.ddim(Integer.toString(steps)))
                    .with(Seeds.perImage(0))
                    .with(guidance(3)));
        });
        List<RgbImage> exact = results.get(0).images();
        List<RgbImage> images = results.get(1).images();
        try (ModelFolder files = ModelFolder.open(folder)) {
            Component<DinoV2> encoder =
                    files.imageEncoders().values().iterator().next();
            int size = files.pictureSize(encoder.model());
            return new GpuResult.Demo(
                    String.valueOf(folder.getFileName()),
                    steps,
                    psnr(results.get(0).squares(), results.get(1).squares()),
                    "objects nearer to their own picture than to another of their class",
                    ObjectFidelity.of(encoder, size, results.get(1).request().pairs(), labels, images)
                            .share(),
                    ObjectFidelity.of(encoder, size, results.get(0).request().pairs(), labels, exact)
                            .share());
        }
    }
}

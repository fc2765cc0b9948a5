package org.maskrt.perf.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.RgbImage;
import org.maskrt.runtime.Cancellation;
import org.maskrt.runtime.CustomizationRequest;
import org.maskrt.runtime.CustomizationResult;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.LatentListener;
import org.maskrt.runtime.ProgressListener;
import org.maskrt.runtime.Seeds;
import org.maskrt.runtime.Timings;

/** The pictures that both variants draw, from the same noise. */
public sealed interface Task {
    /** How many. */
    int count();

    /** Of which class each is; of the object where it is to show one. */
    List<Integer> labels();

    /** What a picture is to show. */
    String title(int i);

    /** The pictures {@code from} (inclusive) to {@code to} (exclusive). */
    Drawn draw(DiffusionPipeline pipeline, int from, int to, ProgressListener listener);

    /** The steps of the first {@code count} pictures. */
    void follow(DiffusionPipeline pipeline, int count, LatentListener listener);

    /**
     * What was drawn.
     *
     * @param images the results
     * @param compared what the model drew of them, all of one size
     * @param timings how long it took
     */
    record Drawn(List<RgbImage> images, List<RgbImage> compared, Timings timings) {}

    /**
     * Pictures of classes.
     *
     * @param names of the classes
     * @param request with noise for each picture
     */
    record OfClasses(List<String> names, GenerationRequest request) implements Task {
        public OfClasses {
            names = List.copyOf(names);
            requirePerImage(request.seeds());
        }

        @Override
        public int count() {
            return request.labels().size();
        }

        @Override
        public List<Integer> labels() {
            return request.labels();
        }

        @Override
        public String title(int i) {
            return names.get(request.labels().get(i));
        }

        private GenerationRequest part(int from, int to) {
            return new GenerationRequest(
                    request.labels().subList(from, to),
                    seeds(request.seeds(), from, to),
                    request.sampling(),
                    request.guidance(),
                    false);
        }

        @Override
        public Drawn draw(DiffusionPipeline pipeline, int from, int to, ProgressListener listener) {
            GenerationResult result = pipeline.generate(part(from, to), listener, new Cancellation());
            return new Drawn(result.images(), result.images(), result.timings());
        }

        @Override
        public void follow(DiffusionPipeline pipeline, int count, LatentListener listener) {
            pipeline.trajectory(part(0, count), listener);
        }
    }

    /**
     * Objects drawn into scenes.
     *
     * @param labels the class of each object
     * @param request with noise for each picture
     */
    record OfObjects(List<Integer> labels, CustomizationRequest request) implements Task {
        public OfObjects {
            labels = List.copyOf(labels);
            requirePerImage(request.seeds());
        }

        @Override
        public int count() {
            return request.pairs().size();
        }

        @Override
        public String title(int i) {
            return "pair " + i;
        }

        private CustomizationRequest part(int from, int to) {
            return new CustomizationRequest(
                    request.pairs().subList(from, to),
                    seeds(request.seeds(), from, to),
                    request.sampling(),
                    request.guidance());
        }

        @Override
        public Drawn draw(DiffusionPipeline pipeline, int from, int to, ProgressListener listener) {
            CustomizationResult result = pipeline.customize(part(from, to), listener, new Cancellation());
            return new Drawn(result.images(), result.squares(), result.timings());
        }

        @Override
        public void follow(DiffusionPipeline pipeline, int count, LatentListener listener) {
            pipeline.trajectory(part(0, count), listener);
        }
    }

    private static void requirePerImage(Seeds seeds) {
        if (seeds.rng() != Seeds.Rng.PER_IMAGE) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "--rng: expected per-image, got " + seeds.rng().label()
                            + ", whose noise depends on the batch; pictures are compared in several batches");
        }
    }

    private static Seeds seeds(Seeds seeds, int from, int to) {
        List<Long> values = seeds.values();
        if (values.size() > 1) {
            return Seeds.perImage(new ArrayList<>(values).subList(from, to));
        }
        return Seeds.perImage(
                LongStream.range(from, to).mapToObj(i -> values.get(0) + i).toList());
    }
}

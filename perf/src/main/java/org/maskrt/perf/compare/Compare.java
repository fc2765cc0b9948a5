package org.maskrt.perf.compare;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.RgbImage;
import org.maskrt.perf.CorePlacement;
import org.maskrt.perf.Spread;
import org.maskrt.perf.bench.BenchListener;
import org.maskrt.perf.bench.Estimate;
import org.maskrt.perf.bench.Machine;
import org.maskrt.perf.bench.Verdict;
import org.maskrt.perf.metrics.ImageSimilarity;
import org.maskrt.runtime.LatentListener;
import org.maskrt.runtime.ProgressListener;

/**
 * Compares two variants on the same pictures, from the same noise: the latents after each step, once with both on trajectories of their own and once with
 * B's steps on A's latents; what each layer computes on inputs of A; the pictures; and the time, batches of the two in turn.
 */
public final class Compare {
    private final Variant a;
    private final Variant b;
    private final Task task;
    private final Options options;
    private final BenchListener listener;

    /**
     * How much is compared.
     *
     * @param batch pictures that are drawn at once, and whose steps are followed
     * @param pathSteps steps at which layers are compared, spread evenly; 0 for none
     * @param departs decibels below which a path departs
     */
    public record Options(int batch, int pathSteps, double departs) {
        /** Four pictures, five steps, 40 dB: a hundredth. */
        public static final Options DEFAULT = new Options(4, 5, 40);

        /** @throws MaskRtException (USAGE) for numbers out of range */
        public Options {
            if (batch < 1 || pathSteps < 0 || Double.isNaN(departs)) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        "expected a batch of 1 or more, 0 steps or more and a number of decibels, got --max-batch "
                                + batch + " --path-steps " + pathSteps + " --departs " + departs);
            }
        }
    }

    /**
     * What was found.
     *
     * @param result in numbers
     * @param a what A drew
     * @param b what B drew
     */
    public record Outcome(CompareResult result, Pictures a, Pictures b) {}

    /**
     * What a variant drew.
     *
     * @param images the results
     * @param compared what the model drew of them
     */
    public record Pictures(List<RgbImage> images, List<RgbImage> compared) {}

    private Compare(Variant a, Variant b, Task task, Options options, BenchListener listener) {
        this.a = a;
        this.b = b;
        this.task = task;
        this.options = options;
        this.listener = listener;
    }

    /**
     * Compares.
     *
     * @param command that repeats it, for the result
     * @throws MaskRtException if the two are no variants of one model, or one does not run
     */
    public static Outcome run(
            Variant a, Variant b, Task task, Options options, String command, BenchListener listener) {
        a.requireAlike(b);
        return new Compare(a, b, task, options, listener).outcome(command);
    }

    private Outcome outcome(String command) {
        int followed = Math.min(options.batch(), task.count());
        List<float[]> trajectory = new ArrayList<>();
        follow("steps of A", a, followed, (i, latents) -> trajectory.add(latents.clone()));
        List<CompareResult.Step> steps = steps(trajectory, followed);
        CompareResult.Paths paths = options.pathSteps() == 0 ? null : paths(trajectory.size());
        Drawing drawing = new Drawing();
        drawing.run();
        Map<String, String> versions = new TreeMap<>();
        for (Variant variant : List.of(a, b)) {
            Map<String, String> settings = variant.settings();
            versions.put(settings.getOrDefault("backend", ""), settings.getOrDefault("engine", ""));
        }
        CompareResult result = new CompareResult(
                CompareResult.SCHEMA,
                new CompareResult.Run(
                        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(), command, Machine.here(versions)),
                new CompareResult.Side(a.name(), a.settings()),
                new CompareResult.Side(b.name(), b.settings()),
                steps,
                paths,
                drawing.pictures(),
                drawing.times(),
                null);
        return new Outcome(
                result,
                new Pictures(drawing.imagesA, drawing.comparedA),
                new Pictures(drawing.imagesB, drawing.comparedB));
    }

    private void follow(String what, Variant variant, int count, LatentListener hears) {
        listener.progress(what, 0, 1);
        task.follow(variant.pipeline(), count, (i, latents) -> {
            listener.progress(what, i, i + 1);
            hears.stepped(i, latents);
        });
    }

    private List<CompareResult.Step> steps(List<float[]> trajectory, int followed) {
        List<Double> drift = new ArrayList<>();
        follow("steps of B", b, followed, (i, latents) -> drift.add(Snr.of(trajectory.get(i), latents)));
        List<CompareResult.Step> steps = new ArrayList<>();
        follow("steps of B on latents of A", b, followed, (i, latents) -> {
            steps.add(new CompareResult.Step(i + 1, drift.get(i), Snr.of(trajectory.get(i), latents)));
            System.arraycopy(trajectory.get(i), 0, latents, 0, latents.length);
        });
        return steps;
    }

    private CompareResult.@Nullable Paths paths(int count) {
        int wanted = Math.min(options.pathSteps(), count);
        List<Integer> chosen = IntStream.range(0, wanted)
                .mapToObj(k -> wanted == 1 ? count / 2 : k * (count - 1) / (wanted - 1))
                .toList();
        Layers layers = new Layers(a, b, task);
        return layers.comparable()
                ? layers.compare(chosen, options.departs(), (done, total) -> listener.progress("layers", done, total))
                : null;
    }

    /** All pictures of both, batch by batch. */
    private final class Drawing {
        private final List<RgbImage> imagesA = new ArrayList<>();
        private final List<RgbImage> imagesB = new ArrayList<>();
        private final List<RgbImage> comparedA = new ArrayList<>();
        private final List<RgbImage> comparedB = new ArrayList<>();
        private final Map<CorePlacement.Tag, List<double[]>> millis = new EnumMap<>(CorePlacement.Tag.class);

        void run() {
            int count = task.count();
            CorePlacement.Tag before = CorePlacement.now();
            for (int from = 0, round = 0; from < count; from += options.batch(), round++) {
                int to = Math.min(from + options.batch(), count);
                boolean turned = round % 2 == 1;
                Task.Drawn first = draw(turned ? b : a, from, to);
                Task.Drawn second = draw(turned ? a : b, from, to);
                Task.Drawn ofA = turned ? second : first;
                Task.Drawn ofB = turned ? first : second;
                imagesA.addAll(ofA.images());
                imagesB.addAll(ofB.images());
                comparedA.addAll(ofA.compared());
                comparedB.addAll(ofB.compared());
                CorePlacement.Tag after = CorePlacement.now();
                if (after == before) {
                    millis.computeIfAbsent(after, tag -> new ArrayList<>()).add(new double[] {
                        ofA.timings().millisPerStep(), ofB.timings().millisPerStep()
                    });
                }
                before = after;
            }
        }

        private Task.Drawn draw(Variant variant, int from, int to) {
            String what = "pictures of " + (variant == a ? "A" : "B");
            listener.progress(what, from, task.count());
            ProgressListener each = (stage, done, total) -> listener.progress(what, from, task.count());
            return task.draw(variant.pipeline(), from, to, each);
        }

        List<CompareResult.Picture> pictures() {
            List<CompareResult.Picture> pictures = new ArrayList<>();
            for (int i = 0; i < comparedA.size(); i++) {
                RgbImage x = comparedA.get(i);
                RgbImage y = comparedB.get(i);
                boolean window = Math.min(x.width(), x.height()) >= ImageSimilarity.WINDOW;
                pictures.add(new CompareResult.Picture(
                        task.title(i),
                        ImageSimilarity.psnr(x, y),
                        window ? ImageSimilarity.ssim(x, y) : null,
                        x.pixels().length));
            }
            return pictures;
        }

        List<CompareResult.Time> times() {
            List<CompareResult.Time> times = new ArrayList<>();
            millis.forEach((placement, pairs) -> {
                double[] ofA = pairs.stream().mapToDouble(pair -> pair[0]).toArray();
                double[] ofB = pairs.stream().mapToDouble(pair -> pair[1]).toArray();
                Spread ratio = Estimate.paired(ofB, ofA);
                times.add(new CompareResult.Time(
                        placement,
                        pairs.size(),
                        Spread.of(ofA).middle(),
                        Spread.of(ofB).middle(),
                        ratio,
                        Verdict.of(ratio, pairs.size())));
            });
            return times;
        }
    }
}

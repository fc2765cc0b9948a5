package org.maskrt.perf;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.runtime.BatchingPipeline;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.GuidanceOptions;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Sampling;
import org.maskrt.runtime.Seeds;

/**
 * Latency and throughput of a server under Poisson arrivals: one batch that requests join between steps, beside batches that are collected, run whole
 * and followed by the next. Both serve the same requests at the same arrival times, in turn.
 */
public final class ServingBench {
    private static final int WARM_UP = 4;

    private ServingBench() {}

    /**
     * What is measured.
     *
     * @param folder of the model, with exported graphs
     * @param pipeline the backend, and how many rows run at once
     * @param load arrivals per second as a share of the service rate, which is measured with whole batches on a full queue
     * @param rounds how often both serve all requests
     */
    public record Options(Path folder, PipelineOptions pipeline, Traffic traffic, double load, int rounds) {
        public Options {
            require(load > 0 && load < 1, "load", "a share of the service rate between 0 and 1", load);
            require(rounds > 0, "rounds", "1 or more", rounds);
        }
    }

    /**
     * Requests of one picture each, of random classes.
     *
     * @param requests how many
     * @param steps of DDIM, of which each request takes one at random
     * @param scales of constant guidance, of which each request takes one at random
     * @param seed of everything random
     */
    public record Traffic(int requests, List<Integer> steps, List<Double> scales, long seed) {
        public Traffic {
            steps = List.copyOf(steps);
            scales = List.copyOf(scales);
            require(requests > 0, "requests", "1 or more", requests);
            require(!steps.isEmpty(), "steps", "a number or several", steps);
            require(!scales.isEmpty(), "scales", "a number or several", scales);
        }
    }

    /**
     * The result.
     *
     * @param serviceRate requests a second that whole batches serve while as many wait as fit
     * @param arrivalRate requests a second that arrived
     */
    public record Report(double serviceRate, double arrivalRate, List<Round> rounds) {}

    /** Both on the same arrivals. */
    public record Round(Served inFlight, Served whole) {}

    /**
     * How one server did.
     *
     * @param p50 milliseconds from arrival to picture, of half of the requests at most
     * @param p95 of 95 in 100
     * @param perSecond requests a second, from the first arrival to the last picture
     */
    public record Served(double p50, double p95, double perSecond) {}

    /** Hears how far it is. */
    @FunctionalInterface
    public interface Listener {
        void progress(String what, int done, int total);
    }

    private static void require(boolean holds, String name, String expected, Object received) {
        if (!holds) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    name + ": expected " + expected + ", got " + received + "; see `maskrt bench serving --help`");
        }
    }

    /**
     * Measures.
     *
     * @throws MaskRtException if the model cannot be served
     */
    public static Report run(Options options, Listener listener) {
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(options.folder(), options.pipeline())) {
            SplittableRandom random = new SplittableRandom(options.traffic().seed());
            List<GenerationRequest> requests = requests(pipeline, options.traffic(), random);
            int rows = options.pipeline().maxBatch();
            warmUp(pipeline, requests, rows);
            double[] atOnce = new double[requests.size()];
            double rate = whole(pipeline, rows, requests, atOnce, "service rate", listener)
                    .perSecond();
            double arrivals = options.load() * rate;
            double[] times = new double[requests.size()];
            for (int i = 1; i < times.length; i++) {
                times[i] = times[i - 1] - Math.log(1 - random.nextDouble()) / arrivals;
            }
            List<Round> rounds = new ArrayList<>();
            for (int r = 0; r < options.rounds(); r++) {
                String round = " (" + (r + 1) + "/" + options.rounds() + ")";
                boolean first = r % 2 == 0;
                Served before = first ? null : whole(pipeline, rows, requests, times, "whole" + round, listener);
                Served inFlight = inFlight(pipeline, requests, times, "in flight" + round, listener);
                rounds.add(new Round(
                        inFlight,
                        before == null ? whole(pipeline, rows, requests, times, "whole" + round, listener) : before));
            }
            return new Report(rate, arrivals, rounds);
        }
    }

    private static List<GenerationRequest> requests(
            DiffusionPipeline pipeline, Traffic traffic, SplittableRandom random) {
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < traffic.requests(); i++) {
            int label = random.nextInt(pipeline.model().numClasses());
            int steps = traffic.steps().get(random.nextInt(traffic.steps().size()));
            double scale = traffic.scales().get(random.nextInt(traffic.scales().size()));
            requests.add(GenerationRequest.of(List.of(label))
                    .with(Seeds.perImage(i))
                    .with(Sampling.ddim(Integer.toString(steps)))
                    .with(new GuidanceOptions(
                            new Guidance.Constant(scale), pipeline.model().guidedChannels(), 0)));
        }
        return requests;
    }

    /** Every size of batch once on both ways: memory and graphs are there afterwards. */
    private static void warmUp(DiffusionPipeline pipeline, List<GenerationRequest> requests, int rows) {
        GenerationRequest few = requests.get(0).with(Sampling.ddim(Integer.toString(WARM_UP)));
        for (int n = 1; n <= rows; n++) {
            GenerationResult unused = pipeline.generate(WholeBatches.together(Collections.nCopies(n, few)));
        }
        try (BatchingPipeline batching = BatchingPipeline.over(pipeline, rows * rows)) {
            List<CompletableFuture<GenerationResult>> all = new ArrayList<>();
            for (int n = 1; n <= rows; n++) {
                all.add(batching.submit(few.with(Sampling.ddim(Integer.toString(WARM_UP * n)))));
            }
            all.forEach(CompletableFuture::join);
        }
    }

    private static Served inFlight(
            DiffusionPipeline pipeline,
            List<GenerationRequest> requests,
            double[] times,
            String what,
            Listener listener) {
        try (BatchingPipeline batching = BatchingPipeline.over(pipeline, requests.size())) {
            return play(batching::submit, requests, times, what, listener);
        }
    }

    private static Served whole(
            DiffusionPipeline pipeline,
            int rows,
            List<GenerationRequest> requests,
            double[] times,
            String what,
            Listener listener) {
        try (WholeBatches batches = new WholeBatches(pipeline, rows)) {
            return play(batches::submit, requests, times, what, listener);
        }
    }

    @FunctionalInterface
    private interface Server {
        CompletableFuture<GenerationResult> submit(GenerationRequest request);
    }

    /** Submits each request at its time, in seconds from now, and waits for all. */
    private static Served play(
            Server server, List<GenerationRequest> requests, double[] times, String what, Listener listener) {
        int count = requests.size();
        List<CompletableFuture<Long>> done = new ArrayList<>();
        long started = System.nanoTime();
        for (int i = 0; i < count; i++) {
            listener.progress(what, i, count);
            long due = started + (long) (times[i] * 1e9);
            for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            done.add(server.submit(requests.get(i)).thenApply(result -> System.nanoTime()));
        }
        double[] latencies = new double[count];
        long last = started;
        for (int i = 0; i < count; i++) {
            long at = await(done.get(i));
            last = Math.max(last, at);
            latencies[i] = (at - started - times[i] * 1e9) / 1e6;
        }
        Arrays.sort(latencies);
        double seconds = (last - started) / (double) TimeUnit.SECONDS.toNanos(1);
        return new Served(percentile(latencies, 0.5), percentile(latencies, 0.95), count / seconds);
    }

    private static long await(CompletableFuture<Long> done) {
        try {
            return done.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof MaskRtException cause) {
                throw cause;
            }
            throw e;
        }
    }

    /** The least value that is not exceeded by this share of the sorted values. */
    static double percentile(double[] sorted, double share) {
        return sorted[Math.max(0, (int) Math.ceil(share * sorted.length) - 1)];
    }
}

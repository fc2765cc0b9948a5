package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.reference.ReferenceCase;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;

@Timeout(60)
class BatchingPipelineTest {
    private static final Denoiser DIT = new Dit(new DitConfig(4, 2, 4, 16, 1, 2, 4, 10, true));
    private static final AutoencoderKl VAE =
            new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(4, 4), 1, 2, 0.5, 8));
    private static final Guidance GUIDANCE = new Guidance.Constant(3);
    /** The class whose embedding is not a number in {@link #poisoned}. */
    private static final int POISON = 7;

    @TempDir
    Path folder;

    private final ReferenceBackend backend = new ReferenceBackend(DIT, VAE, GuidedChannels.REFERENCE, 1);

    @BeforeEach
    void export() throws IOException {
        Path report = folder.resolve("onnx/guided_step/export.json");
        Files.createDirectories(report.getParent());
        Files.writeString(report, "{\"guided_channels\": \"reference\"}");
    }

    @AfterEach
    void noThreadIsLeft() throws InterruptedException {
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("maskrt-")) {
                thread.join(1000);
                assertFalse(thread.isAlive(), thread::getName);
            }
        }
    }

    private DiffusionPipeline pipeline(Backend on, int maxBatch) {
        return new DiffusionPipeline(
                folder,
                new DiffusionPipeline.Model(
                        DIT, VAE.config(), NoiseSchedule.linear(), Collections.emptySortedMap(), List.of()),
                on,
                maxBatch);
    }

    private static Backend poisoned() {
        return new ReferenceBackend(DIT, VAE, GuidedChannels.REFERENCE, Params.of((path, shape) -> {
            Tensor weight = ReferenceBackend.weight(path, shape, 1);
            if (path.equals("y_embedder.embedding_table.weight")) {
                int width = shape.dim(1);
                Arrays.fill(weight.values(), POISON * width, (POISON + 1) * width, Float.NaN);
            }
            return weight;
        }));
    }

    private static GenerationRequest request(Integer... labels) {
        return GenerationRequest.of(List.of(labels))
                .with(Sampling.ddim("4"))
                .with(GUIDANCE)
                .with(Seeds.perImage(Arrays.hashCode(labels)))
                .withLatents();
    }

    /** Every way to make a step, side by side. */
    private static List<GenerationRequest> mixed() {
        Guidance late = new Guidance.Interval(GUIDANCE, 0, 499);
        return List.of(
                request(1).with(Sampling.ddim("6", 0.7)),
                request(2, 3, 4).with(Sampling.dpmSolver("5")),
                request(5).with(Sampling.ddim("ddim5")).with(new Guidance.PowerCosine(3.8, 4, 1000)),
                request(6, 6).with(Sampling.ddpm("4")),
                request(8).with(Guidance.none()),
                request(5, 7)
                        .with(Sampling.ddim("9"))
                        .with(GuidanceOptions.of(GUIDANCE).withReuse(5)),
                request(9).with(Sampling.dpmSolver("8")).with(late),
                request(0, 1).with(new GuidanceOptions(GUIDANCE, GuidedChannels.ALL, 0)),
                request(3, 2, 1).with(Sampling.ddim("3", 1)).with(Seeds.torchCpu(4)),
                request(4).with(Sampling.ddim("7")).with(new GuidanceOptions(late, GuidedChannels.REFERENCE, 0.1)));
    }

    private static void assertSame(GenerationResult alone, GenerationResult together, String where) {
        Parity parity = Parity.of(where + " latents", alone.latents(), together.latents(), 1e-5);
        assertTrue(parity.passed(), parity::toString);
        byte[] expected = alone.nhwc();
        byte[] actual = together.nhwc();
        assertEquals(expected.length, actual.length, where);
        for (int i = 0; i < expected.length; i++) {
            int at = i;
            assertTrue(Math.abs((expected[i] & 0xFF) - (actual[i] & 0xFF)) <= 1, () -> where + " byte " + at);
        }
        assertEquals(alone.seeds(), together.seeds(), where);
        assertEquals(alone.provenance(), together.provenance(), where);
        assertEquals(
                alone.provenance().steps() * alone.labels().size(),
                together.timings().steps(),
                where);
    }

    /** Each request is submitted while the one before is at some step. */
    @ParameterizedTest
    @CsvSource({"4, 0", "16, 0", "1, 0", "4, 3"})
    void rowsThatJoinAtAnyStepAreWhatTheyAreAlone(int maxBatch, int fixedBatch) throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        List<GenerationRequest> requests = new ArrayList<>(mixed());
        Collections.shuffle(requests, random);
        Backend on = new AlteredBackend(backend, fixedBatch, false);
        try (DiffusionPipeline pipeline = pipeline(on, maxBatch);
                BatchingPipeline batching = BatchingPipeline.over(pipeline, 64)) {
            List<GenerationResult> alone =
                    requests.stream().map(pipeline::generate).toList();
            AtomicReferenceArray<CompletableFuture<GenerationResult>> results =
                    new AtomicReferenceArray<>(requests.size());
            CountDownLatch submitted = new CountDownLatch(requests.size());
            int[] at = random.ints(requests.size(), 1, 4).toArray();
            IntConsumer submit = new IntConsumer() {
                @Override
                public void accept(int i) {
                    if (i < requests.size()) {
                        results.set(i, batching.submit(requests.get(i), (stage, done, total) -> {
                            if (stage == Stage.DENOISE && done == at[i]) {
                                accept(i + 1);
                            }
                        }));
                        submitted.countDown();
                    }
                }
            };
            submit.accept(0);
            assertTrue(submitted.await(30, TimeUnit.SECONDS), "seed " + seed);
            for (int i = 0; i < requests.size(); i++) {
                assertSame(alone.get(i), results.get(i).get(30, TimeUnit.SECONDS), "seed " + seed + ", request " + i);
            }
        }
    }

    @Test
    void anObjectAndItsSceneAreWhatTheyAreAlone() throws Exception {
        Files.writeString(folder.resolve("onnx/guided_step/export.json"), "{\"guided_channels\": \"all\"}");
        CustomizationRequest one = CustomizeTest.request(List.of(CustomizeTest.pair(5), CustomizeTest.pair(8)));
        CustomizationRequest two = CustomizeTest.request(List.of(CustomizeTest.pair(11)))
                .with(Sampling.dpmSolver("4"))
                .with(new GuidanceOptions(Guidance.none(), GuidedChannels.ALL, 0));
        try (DiffusionPipeline pipeline = CustomizeTest.pipeline(folder, 4, CustomizeTest.ENCODER);
                BatchingPipeline batching = BatchingPipeline.over(pipeline, 8)) {
            CompletableFuture<CustomizationResult> first = batching.submit(one);
            CompletableFuture<CustomizationResult> second = batching.submit(two);
            for (int i = 0; i < 2; i++) {
                assertArrayEquals(
                        pipeline.customize(one).images().get(i).pixels(),
                        first.get().images().get(i).pixels(),
                        "object " + i);
            }
            assertArrayEquals(
                    pipeline.customize(two).images().get(0).pixels(),
                    second.get().images().get(0).pixels());
        }
    }

    @Test
    void aModelOfNoiseLevelsIsRefused() {
        try (ReferenceCase c = ReferenceCase.open(Path.of("../models/src/test/resources/reference/maskdit"))) {
            MaskDit model = (MaskDit) c.model();
            DiffusionPipeline.Model described = new DiffusionPipeline.Model(
                    model, VAE.config(), NoiseSchedule.linear(), Collections.emptySortedMap(), List.of());
            try (DiffusionPipeline pipeline = new DiffusionPipeline(
                            folder, described, new ReferenceBackend(model, VAE, GuidedChannels.ALL, 1), 8);
                    BatchingPipeline batching = BatchingPipeline.over(pipeline, 8)) {
                GenerationRequest heun = request(1).with(Sampling.heun(4)).with(new Guidance.Constant(1.5));
                assertRefused(
                        ExitCode.USAGE,
                        folder + ": expected a sampler with timesteps (DiT, MDT, E-MD3C) to run in a batch with others,"
                                + " received heun, which a MaskDit has; use DiffusionPipeline.generate",
                        () -> batching.submit(heun));
            }
        }
    }

    /** Blocks the batch after the first step of a request, until it is released. */
    private static final class Gate implements ProgressListener {
        final CountDownLatch reached = new CountDownLatch(1);
        final CountDownLatch open = new CountDownLatch(1);

        @Override
        public void progress(Stage stage, int done, int total) {
            if (stage == Stage.DENOISE && done == 1) {
                reached.countDown();
                try {
                    open.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        }
    }

    @Test
    void whatWaitsOrRunsCanBeCancelled() throws Exception {
        try (DiffusionPipeline pipeline = pipeline(backend, 1);
                BatchingPipeline batching = BatchingPipeline.over(pipeline, 4)) {
            Gate gate = new Gate();
            CompletableFuture<GenerationResult> running = batching.submit(request(1), gate);
            gate.reached.await();
            CompletableFuture<GenerationResult> waiting = batching.submit(request(2, 3));
            CompletableFuture<GenerationResult> last = batching.submit(request(4));
            CompletableFuture<GenerationResult> late =
                    batching.submit(request(5)).orTimeout(1, TimeUnit.MILLISECONDS);
            assertInstanceOf(
                    TimeoutException.class,
                    assertThrows(ExecutionException.class, late::get).getCause());
            assertEquals(3, batching.waiting(), "what ran out of time has left the queue");
            assertTrue(waiting.cancel(true));
            assertEquals(1, batching.waiting(), "what was cancelled too");
            assertTrue(running.cancel(true));
            gate.open.countDown();
            last.get();
            assertThrows(CancellationException.class, running::get);
            assertEquals(1 + 4, backend.runs("guided_step"), "one step of the first, all of the last");
        }
    }

    @Test
    void theQueueIsBounded() throws Exception {
        try (DiffusionPipeline pipeline = pipeline(backend, 1);
                BatchingPipeline batching = BatchingPipeline.over(pipeline, 3)) {
            Gate gate = new Gate();
            CompletableFuture<GenerationResult> running = batching.submit(request(1), gate);
            gate.reached.await();
            CompletableFuture<GenerationResult> waiting = batching.submit(request(2, 3));
            assertRefused(
                    ExitCode.FAILURE,
                    "the queue is full: 2 pictures wait, the limit is 3 and the request has 2; submit it again when"
                            + " others are done",
                    () -> batching.submit(request(4, 5)));
            assertRefused(
                    ExitCode.USAGE,
                    "expected a request of at most 3 pictures, as many as may wait, got 4; split it, or allow more to"
                            + " wait",
                    () -> batching.submit(request(1, 2, 3, 4)));
            CompletableFuture<GenerationResult> fits = batching.submit(request(6));
            gate.open.countDown();
            assertEquals(1, running.get().images().size());
            assertEquals(2, waiting.get().images().size());
            assertEquals(1, fits.get().images().size());
            assertEquals(0, batching.waiting());
            assertRefused(
                    ExitCode.USAGE,
                    "the queue of a running batch must hold 1 picture or more, got 0",
                    () -> BatchingPipeline.over(pipeline, 0));
        }
    }

    @ParameterizedTest
    @CsvSource({"false, REFERENCE", "true, REFERENCE", "false, ALL", "true, ALL"})
    void whatIsNotANumberFailsAlone(boolean mixesRows, GuidedChannels channels) throws Exception {
        GuidanceOptions guidance = new GuidanceOptions(GUIDANCE, channels, 0);
        String graph = channels == GuidedChannels.ALL ? "denoiser" : "guided_step";
        try (DiffusionPipeline pipeline = pipeline(new AlteredBackend(poisoned(), 0, mixesRows), 8);
                BatchingPipeline batching = BatchingPipeline.over(pipeline, 64)) {
            List<GenerationRequest> requests = List.of(
                    request(1).with(guidance),
                    request(2, POISON, 3).with(guidance),
                    request(4).with(guidance).with(Sampling.dpmSolver("6")),
                    request(5, 6).with(guidance).with(Sampling.ddim("5", 1)));
            List<GenerationResult> alone = new ArrayList<>();
            for (int i : new int[] {0, 2, 3}) {
                alone.add(pipeline.generate(requests.get(i)));
            }
            Gate gate = new Gate();
            CompletableFuture<GenerationResult> first = batching.submit(requests.get(0), gate);
            gate.reached.await();
            List<CompletableFuture<GenerationResult>> others =
                    requests.subList(1, 4).stream().map(batching::submit).toList();
            gate.open.countDown();
            MaskRtException e = assertInstanceOf(
                    MaskRtException.class,
                    assertThrows(ExecutionException.class, others.get(0)::get).getCause());
            assertEquals(ExitCode.NOT_FINITE, e.code());
            assertEquals(
                    folder.resolve("onnx").resolve(graph)
                            + ": the latents are not finite after step 1 of 4 (timestep 999); the weights hold NaN or"
                            + " overflow, check them with `maskrt inspect`",
                    e.getMessage());
            assertSame(alone.get(0), first.get(), "before");
            assertSame(alone.get(1), others.get(1).get(), "beside");
            assertSame(alone.get(2), others.get(2).get(), "beside too");
            assertSame(alone.get(0), batching.submit(requests.get(0)).get(), "after");
        }
    }

    @ParameterizedTest
    @CsvSource({"CONDITION", "DENOISE", "DECODE"})
    void aListenerThatThrowsHarmsItsRequestOnly(Stage where) throws Exception {
        IllegalStateException own = new IllegalStateException("mine");
        try (DiffusionPipeline pipeline = pipeline(backend, 4);
                BatchingPipeline batching = BatchingPipeline.over(pipeline, 8)) {
            CompletableFuture<GenerationResult> bad = batching.submit(request(1), (stage, done, total) -> {
                if (stage == where) {
                    throw own;
                }
            });
            CompletableFuture<GenerationResult> good = batching.submit(request(2, 3));
            assertEquals(own, assertThrows(ExecutionException.class, bad::get).getCause());
            assertSame(pipeline.generate(request(2, 3)), good.get(), "good");
        }
    }

    @Test
    void progressIsOfTheRequest() throws Exception {
        List<String> heard = Collections.synchronizedList(new ArrayList<>());
        try (DiffusionPipeline pipeline = pipeline(backend, 4);
                BatchingPipeline batching = BatchingPipeline.over(pipeline, 8)) {
            GenerationRequest two = request(1, 2).with(Sampling.ddim("2"));
            GenerationResult result = batching.submit(
                            two, (stage, done, total) -> heard.add(stage.label() + " " + done + "/" + total))
                    .get();
            assertEquals(
                    List.of(
                            "condition 2/4",
                            "condition 4/4",
                            "denoise 1/4",
                            "denoise 2/4",
                            "denoise 3/4",
                            "denoise 4/4",
                            "decode 2/2"),
                    heard);
            assertEquals(4, result.timings().steps());
            assertTrue(result.timings().denoiseMillis() > 0);
        }
    }

    @Test
    void closingFinishesWhatWasAccepted() throws Exception {
        List<CompletableFuture<GenerationResult>> accepted = new ArrayList<>();
        BatchingPipeline closed;
        try (DiffusionPipeline pipeline = pipeline(backend, 2)) {
            try (BatchingPipeline batching = BatchingPipeline.over(pipeline, 8)) {
                for (int i = 0; i < 5; i++) {
                    accepted.add(batching.submit(request(i)));
                }
                closed = batching;
            }
            for (CompletableFuture<GenerationResult> result : accepted) {
                assertTrue(result.isDone());
                assertEquals(1, result.get().images().size());
            }
            closed.close();
            assertRefused(
                    ExitCode.FAILURE, "the batching pipeline is closed; open another", () -> closed.submit(request(1)));
        }
    }

    @Test
    void cancellingAllMakesClosingQuick() throws Exception {
        try (DiffusionPipeline pipeline = pipeline(backend, 1)) {
            BatchingPipeline batching = BatchingPipeline.over(pipeline, 8);
            Gate gate = new Gate();
            CompletableFuture<GenerationResult> running = batching.submit(request(1), gate);
            CompletableFuture<GenerationResult> waiting = batching.submit(request(2));
            gate.reached.await();
            batching.cancelAll();
            gate.open.countDown();
            batching.close();
            assertTrue(running.isCancelled());
            assertTrue(waiting.isCancelled());
            assertEquals(1, backend.runs("guided_step"));
            assertEquals(0, backend.runs("vae_decoder"));
        }
    }

    @Test
    void anInterruptedCloseCancelsTheRest() throws Exception {
        try (DiffusionPipeline pipeline = pipeline(backend, 1)) {
            BatchingPipeline batching = BatchingPipeline.over(pipeline, 8);
            Gate gate = new Gate();
            CompletableFuture<GenerationResult> running = batching.submit(request(1), gate);
            CompletableFuture<GenerationResult> waiting = batching.submit(request(2));
            CompletableFuture<GenerationResult> unused = waiting.whenComplete((r, e) -> gate.open.countDown());
            gate.reached.await();
            Thread.currentThread().interrupt();
            batching.close();
            assertTrue(Thread.interrupted(), "the interruption is kept");
            assertTrue(running.isCancelled());
            assertTrue(waiting.isCancelled());
        }
    }

    @Test
    void itMayBeClosedFromItsOwnThreads() throws Exception {
        try (DiffusionPipeline pipeline = pipeline(backend, 1)) {
            BatchingPipeline batching = BatchingPipeline.over(pipeline, 8);
            CompletableFuture<GenerationResult> result = batching.submit(request(1), (stage, done, total) -> {
                batching.close();
            });
            CompletableFuture<GenerationResult> after = result.thenApply(r -> {
                batching.close();
                return r;
            });
            assertEquals(1, after.get().images().size());
            batching.close();
        }
    }

    @Test
    void aPipelineThatIsClosedTooEarlyFailsRequestsAndLeavesNobodyWaiting() throws Exception {
        DiffusionPipeline pipeline = pipeline(backend, 1);
        try (BatchingPipeline batching = BatchingPipeline.over(pipeline, 8)) {
            Gate gate = new Gate();
            CompletableFuture<GenerationResult> running = batching.submit(request(1), gate);
            CompletableFuture<GenerationResult> waiting = batching.submit(request(2));
            gate.reached.await();
            pipeline.close();
            gate.open.countDown();
            for (CompletableFuture<GenerationResult> each : List.of(running, waiting)) {
                assertInstanceOf(
                        MaskRtException.class,
                        assertThrows(ExecutionException.class, each::get).getCause());
            }
            assertRefused(
                    ExitCode.FAILURE,
                    folder + ": the pipeline is closed; open it again",
                    () -> batching.submit(request(3)));
        }
    }

    @Test
    void manyThreadsGetWhatTheyAskedFor() throws Exception {
        long seed = new Random().nextLong();
        List<GenerationRequest> requests = mixed();
        try (DiffusionPipeline pipeline = pipeline(backend, 4);
                BatchingPipeline batching = BatchingPipeline.over(pipeline, 6)) {
            List<GenerationResult> alone =
                    requests.stream().map(pipeline::generate).toList();
            ExecutorService threads = Executors.newFixedThreadPool(4);
            try {
                List<Future<?>> users = IntStream.range(0, 4)
                        .<Future<?>>mapToObj(t -> threads.submit(() -> {
                            Random random = new Random(seed + t);
                            for (int n = 0; n < 8; n++) {
                                int which = random.nextInt(requests.size());
                                CompletableFuture<GenerationResult> result = patiently(batching, requests.get(which));
                                if (random.nextInt(4) == 0) {
                                    result.cancel(true);
                                } else {
                                    assertSame(alone.get(which), result.get(), "seed " + seed + ", request " + which);
                                }
                            }
                            return null;
                        }))
                        .toList();
                for (Future<?> user : users) {
                    user.get();
                }
            } finally {
                threads.shutdownNow();
            }
            assertEquals(0, batching.waiting());
            int allocated = backend.allocated.get();
            for (int i = 0; i < requests.size(); i++) {
                assertSame(alone.get(i), batching.submit(requests.get(i)).get(), "seed " + seed + ", request " + i);
            }
            assertTrue(
                    backend.allocated.get() - allocated <= 24,
                    () -> "bindings and tensors are kept, but " + (backend.allocated.get() - allocated)
                            + " tensors were made anew");
        }
    }

    private static CompletableFuture<GenerationResult> patiently(BatchingPipeline batching, GenerationRequest request)
            throws InterruptedException {
        while (true) {
            try {
                return batching.submit(request);
            } catch (MaskRtException e) {
                assertTrue(e.getMessage().startsWith("the queue is full"), e.getMessage());
                Thread.sleep(1);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "7, 7", "8, 8", "9, 10", "16, 16", "17, 20", "33, 40", "63, 64", "65, 70"})
    void largeBatchesHaveFewSizes(int rows, int size) {
        assertEquals(size, RunningBatch.size(rows, 70));
        assertFalse(size >= 1.25 * rows && rows > 8);
    }

    private static void assertRefused(ExitCode code, String message, Executable submit) {
        MaskRtException e = assertThrows(MaskRtException.class, submit);
        assertEquals(message, e.getMessage());
        assertEquals(code, e.code());
    }
}

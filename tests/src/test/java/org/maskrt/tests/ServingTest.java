package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.cli.Main;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.reference.Parity;
import org.maskrt.runtime.BatchingPipeline;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.GuidanceOptions;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Sampling;
import org.maskrt.runtime.Seeds;
import org.maskrt.runtime.Stage;

/** Requests in one running batch, by exported graphs on ONNX Runtime. */
class ServingTest {
    @TempDir
    private static Path folder;

    private static Path model;

    @BeforeAll
    static void export() {
        model = SampledModel.export(folder.resolve("model"), ExportOptions.DEFAULT);
    }

    private static GenerationRequest request(Integer... labels) {
        return GenerationRequest.of(List.of(labels))
                .with(new Guidance.PowerCosine(3.8, 4, 1000))
                .withLatents();
    }

    @Test
    void aRowOfARunningBatchIsThePictureOfItsRequestAlone() throws Exception {
        List<GenerationRequest> requests = List.of(
                request(1).with(Sampling.ddim("8", 0.7)).with(Seeds.perImage(5)),
                request(2, 3).with(Sampling.dpmSolver("6")),
                request(4).with(Sampling.ddim("5")).with(Guidance.none()),
                request(3).with(Sampling.ddpm("6")).with(Seeds.torchCpu(2)),
                request(9, 8)
                        .with(Sampling.ddim("7"))
                        .with(new GuidanceOptions(new Guidance.Linear(3, 1000), GuidedChannels.ALL, 0)));
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(
                        model, PipelineOptions.DEFAULT.withThreads(1).withMaxBatch(4));
                BatchingPipeline batching = BatchingPipeline.over(pipeline, 16)) {
            CountDownLatch third = new CountDownLatch(1);
            List<CompletableFuture<GenerationResult>> results = new ArrayList<>();
            results.add(batching.submit(requests.get(0), (stage, done, total) -> {
                if (stage == Stage.DENOISE && done == 3) {
                    third.countDown();
                }
            }));
            assertTrue(third.await(60, TimeUnit.SECONDS));
            requests.subList(1, 5).forEach(r -> results.add(batching.submit(r)));
            for (int i = 0; i < requests.size(); i++) {
                Parity parity = Parity.of(
                        "request " + i,
                        pipeline.generate(requests.get(i)).latents(),
                        results.get(i).get(60, TimeUnit.SECONDS).latents(),
                        1e-5);
                assertTrue(parity.passed(), parity::toString);
            }
        }
    }

    @Test
    void theBenchmarkServesBothWays() {
        String table =
                run(0, "--requests", "4", "--rounds", "2", "--steps", "2,3", "--cfg-scale", "2", "--load", "0.5");
        assertTrue(table.matches("(?s)service rate \\S+ requests/s, arrivals \\S+ requests/s\\R.*"), table);
        assertEquals(2, table.split("in flight", -1).length - 1, table);
        assertEquals(2, table.split("whole", -1).length - 1, table);
        assertEquals(
                "maskrt: load: expected a share of the service rate between 0 and 1, got 1.0; see `maskrt bench serving"
                        + " --help`",
                run(2, "--load", "1").strip());
    }

    private static String run(int exit, String... options) {
        List<String> args = new ArrayList<>(List.of("bench", "serving", model.toString(), "--quiet", "--threads", "1"));
        args.addAll(List.of(options));
        StringWriter out = new StringWriter();
        int received = Main.run(new PrintWriter(out, true), new PrintWriter(out, true), args.toArray(new String[0]));
        assertEquals(exit, received, out::toString);
        return out.toString();
    }
}

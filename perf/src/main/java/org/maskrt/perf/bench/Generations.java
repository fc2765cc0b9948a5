package org.maskrt.perf.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationRequest;
import org.maskrt.runtime.Graph;
import org.maskrt.runtime.GuidanceOptions;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Sampling;
import org.maskrt.runtime.Timings;

/** The stages of whole generations at the first batch. */
final class Generations {
    private static final double GUIDANCE = 1.5;
    /** Later generations, and the milliseconds after which no further one begins. */
    private static final int LATER = 3;

    private static final double PATIENCE_MILLIS = 20_000;

    private final Configuration configuration;
    private final Workload workload;
    private final int batch;

    Generations(Configuration configuration, Workload workload) {
        this.configuration = configuration;
        this.workload = workload;
        this.batch = workload.batches().get(0);
    }

    /** As pictures are made, by the pipeline of a model folder, guided at every step. */
    Generation measured(Path folder) {
        PipelineOptions options = PipelineOptions.DEFAULT
                .withBackend(configuration.backend())
                .withThreads(configuration.threads())
                .withMaxBatch(batch);
        long opening = System.nanoTime();
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, options)) {
            double open = (System.nanoTime() - opening) / 1e6;
            Sampling.Method method = Sampling.methodOf(pipeline.model());
            List<Integer> labels = IntStream.range(0, batch)
                    .mapToObj(i -> i % pipeline.model().numClasses())
                    .toList();
            GenerationRequest request = GenerationRequest.of(labels)
                    .with(new Sampling(workload.steps() + "", method, 0))
                    .with(new GuidanceOptions(
                            new Guidance.Constant(GUIDANCE), pipeline.model().guidedChannels(), 0));
            Timings first = pipeline.generate(request).timings();
            List<Timings> later = new ArrayList<>();
            double spent = 0;
            while (later.isEmpty() || (later.size() < LATER && spent < PATIENCE_MILLIS)) {
                Timings one = pipeline.generate(request).timings();
                later.add(one);
                spent += one.totalMillis();
            }
            List<Generation.Stage> warm = new ArrayList<>();
            List<List<Generation.Stage>> each =
                    later.stream().map(t -> stages(t, 0)).toList();
            for (int i = 0; i < each.get(0).size(); i++) {
                int stage = i;
                double[] millis = each.stream()
                        .mapToDouble(stages -> stages.get(stage).millis())
                        .toArray();
                warm.add(new Generation.Stage(each.get(0).get(i).name(), Estimate.median(millis)));
            }
            return new Generation(
                    workload.steps() + " steps of " + method.label() + " with guidance, as `maskrt sample` runs them",
                    batch,
                    stages(first, open),
                    warm.stream().filter(stage -> !stage.name().equals("load")).toList());
        }
    }

    private static List<Generation.Stage> stages(Timings t, double open) {
        return List.of(
                new Generation.Stage("load", open + t.loadMillis()),
                new Generation.Stage("condition", t.conditionMillis()),
                new Generation.Stage(t.steps() + " steps", t.denoiseMillis()),
                new Generation.Stage("decode", t.decodeMillis()));
    }

    /** Put together from single runs, where there is no pipeline: conditions once, and as many steps. */
    Generation composed(Source source, Path onnx, BenchResult.Contender measured) {
        Subject conditioner = source.subject(Modulator.GRAPH);
        Map<String, Tensor> inputs = conditioner.inputs(batch, workload.steps(), new Random(workload.seed()));
        double step = Estimate.median(measured.times().get(0).array());
        ColdStart cold = measured.cold();
        long opening = System.nanoTime();
        try (Backend backend = Backend.named(configuration.backend(), configuration.threads());
                Graph graph = backend.open(onnx.resolve(Modulator.GRAPH), conditioner.signature());
                GraphContender.Bound bound = new GraphContender.Bound(
                        backend, graph, conditioner, new Problem(batch, inputs, Map.of(), ""))) {
            double open = (System.nanoTime() - opening) / 1e6;
            double firstCondition = bound.run();
            double condition = bound.run();
            String steps = workload.steps() + " steps";
            double load = open + (cold == null ? 0 : cold.openMillis());
            double firstSteps = (cold == null ? step : cold.firstMillis()) + (workload.steps() - 1) * step;
            return new Generation(
                    workload.steps()
                            + " guided steps, put together from the times of single runs; no pictures are decoded",
                    batch,
                    List.of(
                            new Generation.Stage("load", load),
                            new Generation.Stage("condition", firstCondition),
                            new Generation.Stage(steps, firstSteps)),
                    List.of(
                            new Generation.Stage("condition", condition),
                            new Generation.Stage(steps, workload.steps() * step)));
        }
    }
}

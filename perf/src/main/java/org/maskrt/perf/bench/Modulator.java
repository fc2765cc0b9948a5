package org.maskrt.perf.bench;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.Graph;

/** Inputs whose modulations are those of a timestep and a condition, so that programs that take these compute the same. */
final class Modulator {
    /** The graph that computes modulations. */
    static final String GRAPH = "conditioner";

    private static final String MODULATION = "modulation";
    private static final String UNCONDITIONAL = "modulation_uncond";
    private static final int TIMESTEPS = 1000;

    private final Source source;
    private final Path onnx;
    private final Workload workload;

    /** @param onnx the folder of exported graphs, in which the conditioner is */
    Modulator(Source source, Path onnx, Workload workload) {
        this.source = source;
        this.onnx = onnx;
        this.workload = workload;
    }

    static boolean takesModulation(ModelGraph graph) {
        return graph.inputs().stream().anyMatch(port -> port.name().equals(MODULATION));
    }

    /** A problem of {@code batch} samples at one timestep. */
    Problem problem(Subject subject, int batch) {
        Random random = new Random(workload.seed());
        Map<String, Tensor> inputs = subject.inputs(batch, workload.timesteps(), random);
        Map<String, Tensor> origins = new LinkedHashMap<>();
        if (inputs.containsKey(MODULATION)) {
            Denoiser model = source.model();
            float time = random.nextInt(TIMESTEPS);
            Tensor condition = condition(model, batch, random);
            inputs.put(MODULATION, modulation(time, condition, batch));
            if (inputs.containsKey(UNCONDITIONAL)) {
                inputs.put(UNCONDITIONAL, modulation(time, none(model, batch), batch));
            }
            float[] times = new float[batch];
            Arrays.fill(times, time);
            origins.put("timestep", Tensor.of(times, batch));
            origins.put(condition.isIndices() ? "class_labels" : "condition", condition);
        }
        return new Problem(
                batch, inputs, origins, subject.signature().outputs().get(0).name());
    }

    private static Tensor condition(Denoiser model, int batch, Random random) {
        Shape shape = Shape.of(model.conditionDims(batch));
        if (shape.rank() == 1) {
            return Tensor.ofIndices(random.longs(batch, 0, model.numClasses()).toArray(), batch);
        }
        float[] values = new float[shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Tensor.of(values, shape);
    }

    private static Tensor none(Denoiser model, int batch) {
        if (model.conditionWidth() > 0) {
            return Tensor.zeros(model.conditionDims(batch));
        }
        long[] classes = new long[batch];
        Arrays.fill(classes, model.numClasses());
        return Tensor.ofIndices(classes, batch);
    }

    private Tensor modulation(float time, Tensor condition, int batch) {
        Subject conditioner = source.subject(GRAPH);
        String name = conditioner.signature().inputs().get(1).name();
        Problem problem = new Problem(
                batch, Map.of("timesteps", Tensor.of(new float[] {time}, 1), name, condition), Map.of(), MODULATION);
        try (Backend backend = Backend.named(Backend.DEFAULT, 0);
                Graph graph = backend.open(onnx.resolve(GRAPH), conditioner.signature());
                GraphContender.Bound bound = new GraphContender.Bound(backend, graph, conditioner, problem)) {
            bound.run();
            return bound.result().reshape(batch, source.model().modulationSize());
        }
    }
}

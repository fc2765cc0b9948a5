package org.maskrt.exporter;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.maskrt.exporter.ExportOptions.Validation;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.exporter.graphs.ModelGraphs.GuidedStep;
import org.maskrt.models.Denoiser;
import org.maskrt.models.Presets;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/**
 * Time and peak memory of the largest published model, one stage per process: {@code weights FOLDER} writes random weights (2.9 GB),
 * {@code export FOLDER} exports and checks the sampling graphs, {@code run FOLDER} runs one guided step.
 */
final class FullSize {
    private FullSize() {}

    public static void main(String[] args) throws IOException {
        Denoiser model = Presets.of("MDTv2-XL/2", 32);
        Path folder = Path.of(args[1]);
        Path file = folder.resolve("weights.safetensors");
        long start = System.nanoTime();
        switch (args[0]) {
            case "weights" -> {
                Weights weights = Weights.lazy("random", WeightCheck.wanted(model), FullSize::random);
                SafeTensors.write(file, weights, DType.F32, Map.of());
            }
            case "export" -> {
                try (Weights weights = SafeTensors.open(file)) {
                    ExportOptions options = ExportOptions.DEFAULT
                            .withGraphs(args.length > 2 ? Set.of(args[2].split(",")) : Set.of("guided_step"))
                            .withValidation(Validation.off());
                    OnnxExporter exporter =
                            new OnnxExporter(options, EagerJudge.reference(), (graph, stage, fraction) -> {
                                if (fraction == 0 || fraction == 1) {
                                    System.out.printf(
                                            "%5.1f s %s %s %s%n", seconds(start), graph, stage.label(), fraction);
                                }
                            });
                    exporter.export(model, weights, folder.resolve("onnx"));
                }
            }
            case "run" -> {
                ModelGraph graph = new GuidedStep(model, GuidedChannels.REFERENCE);
                Random random = new Random(1);
                Map<String, Tensor> inputs = new LinkedHashMap<>();
                graph.inputs().forEach(port -> inputs.put(port.name(), port.random(random, 1, 1)));
                try (ValidationSession session = ValidationSession.open(
                        folder.resolve("onnx/guided_step").resolve(OnnxFile.MODEL))) {
                    System.out.printf("opened after %.1f s%n", seconds(start));
                    long step = System.nanoTime();
                    System.out.println(session.run(inputs).get("eps").values()[0]);
                    System.out.printf("one guided step %.1f s%n", seconds(step));
                }
            }
            default -> throw new IllegalArgumentException("expected weights, export or run, received " + args[0]);
        }
        System.out.printf("%s: %.1f s%n", args[0], seconds(start));
        try (var lines = Files.lines(Path.of("/proc/self/status"))) {
            lines.filter(line -> line.startsWith("VmHWM") || line.startsWith("Rss"))
                    .forEach(System.out::println);
        }
        System.out.println("weights: " + Files.size(file) + " bytes");
    }

    private static Tensor random(String path, Shape shape) {
        Random random = new Random(path.hashCode());
        float[] values = new float[shape.size()];
        float scale = shape.rank() < 2 ? 0.1f : (float) (1.2 / Math.sqrt((double) shape.size() / shape.dim(0)));
        for (int i = 0; i < values.length; i++) {
            values[i] = scale * (2 * random.nextFloat() - 1);
        }
        return Tensor.of(values, shape);
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }
}

package org.maskrt.tests;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.maskrt.exporter.EagerJudge;
import org.maskrt.exporter.ExportListener;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.exporter.OnnxExporter;
import org.maskrt.models.Denoiser;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.ScheduleConfig;
import org.maskrt.models.weights.Weights;

/** Model folders for sampling: a small MDT v2 and autoencoder with random weights, or the denoiser of a recorded case. */
final class SampledModel {
    static final Mdt MDT = new Mdt(new MdtConfig(2, 8, 2, 4, 48, 4, 3, 4, 10, 2, 0.3, true));
    static final AutoencoderKl VAE = new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(8, 8), 1, 4, 0.5, 16));

    private SampledModel() {}

    /** A folder with the denoiser's weights, without autoencoder and graphs. */
    static Path write(Path folder, Denoiser model, Weights weights) {
        ModelFolder.write(
                folder, new ModelFolder.Contents(model, weights, ScheduleConfig.linear(), Map.of()), DType.F32);
        return folder;
    }

    /** {@link #MDT} and {@link #VAE} with their graphs. */
    static Path export(Path folder, ExportOptions options) {
        CostOps costs = new CostOps();
        MDT.forwardMasked(
                costs,
                costs.params(),
                costs.input(1, 4, 8, 8),
                costs.input(1),
                costs.input(1),
                MaskPlan.of(new float[16], 1, 16, 8).on(costs));
        Weights transformer = random(costs.weights(), 1);
        CostOps vaeCosts = new CostOps();
        VAE.encode(vaeCosts, vaeCosts.params(), vaeCosts.input(1, 3, 16, 16));
        VAE.decode(vaeCosts, vaeCosts.params(), vaeCosts.input(1, 4, 8, 8));
        Weights vae = random(vaeCosts.weights(), 2);
        ModelFolder.Contents contents =
                new ModelFolder.Contents(MDT, transformer, ScheduleConfig.linear(), Map.of(3, "star"));
        ModelFolder.write(folder, contents, VAE, vae, DType.F32);
        OnnxExporter exporter = new OnnxExporter(
                options.withValidation(ExportOptions.Validation.off()), EagerJudge.reference(), ExportListener.NONE);
        exporter.export(MDT, transformer, folder.resolve("onnx"));
        exporter.export(VAE, 16, vae, folder.resolve("onnx"));
        return folder;
    }

    private static Weights random(Map<String, Shape> shapes, long seed) {
        Random random = new Random(seed);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        shapes.forEach((key, shape) -> {
            double std = shape.rank() < 2 ? 0.1 : 0.7 / Math.sqrt(shape.size() / (double) shape.dim(0));
            float[] values = new float[shape.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (std * random.nextGaussian());
            }
            tensors.put(key, Tensor.of(values, shape));
        });
        return Weights.of("random weights, seed " + seed, tensors);
    }
}

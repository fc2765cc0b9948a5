package org.maskrt.trainer;

import java.util.Arrays;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.Ddim;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.diffusion.Step;
import org.maskrt.models.ops.Tensor;
import org.maskrt.trainer.Streams.Purpose;

/** Pictures of a model in training. */
final class Previews {
    private Previews() {}

    /**
     * Latents of every class by deterministic DDIM with constant guidance, from the same noise at every call.
     *
     * @return [classes * columns, C, h, w], class by class, still scaled
     */
    static Tensor sample(EagerModel eager, Denoiser model, DenoiserTraining.Preview preview, Streams streams) {
        int rows = model.numClasses() * preview.columns();
        int side = model.inputSize();
        int c = model.inChannels();
        int length = rows * c * side * side;
        float[] x = streams.normal(Purpose.SAMPLE, 0, length);
        long[] labels = new long[2 * rows];
        Arrays.fill(labels, rows, 2 * rows, model.numClasses());
        for (int i = 0; i < rows; i++) {
            labels[i] = i / preview.columns();
        }
        Tensor label = Tensor.ofIndices(labels, 2 * rows);
        float[] weights = new float[rows];
        Arrays.fill(weights, (float) preview.guidance());
        var channels = new GuidedChannels.OutputChannels(c, model.outChannels());
        float[] none = new float[length];
        for (Step step : new Ddim(0).plan(NoiseSchedule.linear().respace(preview.steps()))) {
            float[] twice = Arrays.copyOf(x, 2 * length);
            System.arraycopy(x, 0, twice, length, length);
            float[] time = new float[2 * rows];
            Arrays.fill(time, step.timestep());
            Tensor out =
                    eager.forward(model, Tensor.of(twice, 2 * rows, c, side, side), Tensor.of(time, 2 * rows), label);
            float[] conditional = out.rows(0, rows).values();
            GuidedChannels.ALL.combine(conditional, out.rows(rows, 2 * rows).values(), weights, channels, conditional);
            step.coefficients().apply(x, noise(conditional, rows, length), none, none, x);
        }
        return Tensor.of(x, rows, c, side, side);
    }

    /** The noise channels of a model's output. */
    private static float[] noise(float[] output, int rows, int length) {
        float[] eps = new float[length];
        int stride = length / rows;
        for (int b = 0; b < rows; b++) {
            System.arraycopy(output, b * (output.length / rows), eps, b * stride, stride);
        }
        return eps;
    }
}

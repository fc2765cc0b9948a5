package org.maskrt.trainer;

import java.util.Arrays;
import java.util.List;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.Ddim;
import org.maskrt.models.diffusion.Edm;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.HeunSampler;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.diffusion.Step;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.ops.Tensor;
import org.maskrt.trainer.Streams.Purpose;

/** Pictures of a model in training. */
final class Previews {
    /** Of models with many classes the first ones are shown. */
    private static final int CLASSES = 16;

    private Previews() {}

    /**
     * Latents of every class, or of the first {@value #CLASSES}, by deterministic DDIM with constant guidance, from the same noise at every call.
     *
     * @return [classes * columns, C, h, w], class by class, still scaled
     */
    static Tensor sample(EagerModel eager, Denoiser model, DenoiserTraining.Preview preview, Streams streams) {
        if (model instanceof MaskDit maskDit) {
            return heun(eager, maskDit, preview, streams);
        }
        int rows = Math.min(CLASSES, model.numClasses()) * preview.columns();
        long[] labels = new long[2 * rows];
        Arrays.fill(labels, rows, 2 * rows, model.numClasses());
        for (int i = 0; i < rows; i++) {
            labels[i] = i / preview.columns();
        }
        Guided guided = new Guided(eager, model, new float[0], Tensor.ofIndices(labels, 2 * rows));
        return guided.ddim(preview, streams);
    }

    /**
     * What pictures of an E-MD3C are made from.
     *
     * @param hints latents of the blanked scenes [n,C,h,w], scaled
     * @param features of the sources, as {@link Paired} has them
     */
    record Conditions(Tensor hints, List<Tensor> features) {}

    /**
     * Latents of scenes with objects, by deterministic DDIM with constant guidance, from the same noise at every call.
     *
     * @return [n,C,h,w], still scaled
     */
    static Tensor customise(
            EagerModel eager, Emd3c model, DenoiserTraining.Preview preview, Conditions conditions, Streams streams) {
        Tensor c0 = eager.run(model::collect, conditions.features().toArray(new Tensor[0]));
        float[] both = Arrays.copyOf(c0.values(), 2 * c0.size());
        Tensor condition = Tensor.of(both, 2 * c0.dim(0), c0.dim(1));
        return new Guided(eager, model, conditions.hints().values(), condition).ddim(preview, streams);
    }

    /**
     * A model with guidance.
     *
     * @param hints one for each row [n,C,h,w], or none
     * @param condition of the n rows, then as many null conditions
     */
    private record Guided(EagerModel eager, Denoiser model, float[] hints, Tensor condition) {
        Tensor ddim(DenoiserTraining.Preview preview, Streams streams) {
            int rows = condition.dim(0) / 2;
            int side = model.inputSize();
            int c = model.inChannels();
            int length = rows * c * side * side;
            float[] x = streams.normal(Purpose.SAMPLE, 0, length);
            float[] weights = new float[rows];
            Arrays.fill(weights, (float) preview.guidance());
            var channels = new GuidedChannels.OutputChannels(c, model.outChannels());
            float[] none = new float[length];
            for (Step step : new Ddim(0).plan(NoiseSchedule.linear().respace(preview.steps()))) {
                float[] time = new float[2 * rows];
                Arrays.fill(time, step.timestep());
                Tensor out = eager.forward(model, twice(x, rows), Tensor.of(time, 2 * rows), condition);
                float[] conditional = out.rows(0, rows).values();
                GuidedChannels.ALL.combine(
                        conditional, out.rows(rows, 2 * rows).values(), weights, channels, conditional);
                step.coefficients().apply(x, noise(conditional, rows, length), none, none, x);
            }
            return Tensor.of(x, rows, c, side, side);
        }

        /** The rows, each after its hint, two times. */
        private Tensor twice(float[] x, int rows) {
            int row = x.length / rows;
            int hint = hints.length / rows;
            float[] all = new float[2 * rows * (hint + row)];
            for (int i = 0; i < 2 * rows; i++) {
                System.arraycopy(hints, i % rows * hint, all, i * (hint + row), hint);
                System.arraycopy(x, i % rows * row, all, i * (hint + row) + hint, row);
            }
            int side = model.inputSize();
            return Tensor.of(all, 2 * rows, (hint + row) / (side * side), side, side);
        }
    }

    /** The same for a MaskDiT, by EDM's deterministic sampler. */
    private static Tensor heun(EagerModel eager, MaskDit model, DenoiserTraining.Preview preview, Streams streams) {
        int rows = Math.min(CLASSES, model.numClasses()) * preview.columns();
        int[] dims = model.sampleDims(2 * rows);
        int length = rows * dims[1] * dims[2] * dims[3];
        long[] labels = new long[2 * rows];
        Arrays.fill(labels, rows, 2 * rows, model.numClasses());
        for (int i = 0; i < rows; i++) {
            labels[i] = i / preview.columns();
        }
        Tensor label = Tensor.ofIndices(labels, 2 * rows);
        Edm edm = new Edm(model.config().sigmaData());
        float weight = (float) preview.guidance();
        double[] end = HeunSampler.of(preview.steps())
                .sample(
                        streams.normal(Purpose.SAMPLE, 0, length),
                        (noisy, level) -> {
                            float[] twice = Arrays.copyOf(noisy, 2 * length);
                            System.arraycopy(noisy, 0, twice, length, length);
                            float[] sigma = new float[2 * rows];
                            Arrays.fill(sigma, (float) level);
                            Tensor out = eager.run(
                                    (o, p, in) ->
                                            model.denoised(o, p, in.get(0), in.get(1), in.get(2), in.get(3), null),
                                    Tensor.of(twice, dims),
                                    Tensor.of(edm.scaling(sigma), 2 * rows, 3),
                                    Tensor.of(Edm.noise(sigma), 2 * rows),
                                    label);
                            float[] guided = out.rows(rows, 2 * rows).values();
                            float[] conditional = out.rows(0, rows).values();
                            for (int i = 0; i < length; i++) {
                                guided[i] += weight * (conditional[i] - guided[i]);
                            }
                            return guided;
                        },
                        (step, count) -> new float[count]);
        float[] x = new float[length];
        for (int i = 0; i < length; i++) {
            x[i] = (float) end[i];
        }
        return Tensor.of(x, rows, dims[1], dims[2], dims[3]);
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

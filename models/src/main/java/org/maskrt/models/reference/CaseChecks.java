package org.maskrt.models.reference;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.MaskedDenoiser;
import org.maskrt.models.diffusion.Ddim;
import org.maskrt.models.diffusion.Ddpm;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.diffusion.Step;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.ops.Program;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;

/** What an interpreter gives for a recorded case, tensor by tensor beside the recorded numbers. */
public final class CaseChecks {
    private static final int TRAIN_TIMESTEPS = 1000;
    /** The classes of the recorded guided passes; the other half of the batch is the null class. */
    private static final long[] GUIDED_CLASSES = {1, 5};

    private CaseChecks() {}

    /** A case of kind {@code model}: forward, masked forward where the model has one, and the guided passes. */
    public static List<Parity> model(ReferenceCase c, Interpreter interpreter) {
        if (c.model() instanceof MaskDit maskDit) {
            return new EdmChecks(c, maskDit, interpreter).run();
        }
        List<Parity> found = new ArrayList<>();
        Program forward = ModelPrograms.forward(c.model());
        Tensor sample = c.sample();
        Tensor condition = c.condition();
        Tensor out = interpreter.run(forward, c.weights(), List.of(sample, c.timestep(), condition));
        found.add(Parity.of("out", c.tensor("out"), out, Parity.FORWARD));
        if (c.model() instanceof Emd3c emd3c) {
            List<Tensor> features = emd3c.config().sources().stream()
                    .map(source -> c.tensor("feature." + source.name()))
                    .toList();
            Tensor c0 = interpreter.run(ModelPrograms.collect(emd3c), c.weights(), features);
            found.add(Parity.of("c0", c.tensor("c0"), c0, Parity.FORWARD));
            Tensor none = Tensor.of(new float[c0.size()], c0.shape());
            Tensor outNull = interpreter.run(forward, c.weights(), List.of(sample, c.timestep(), none));
            found.add(Parity.of("out_null", c.tensor("out_null"), outNull, Parity.FORWARD));
        }
        if (c.model() instanceof MaskedDenoiser model && c.has("out_masked")) {
            MaskPlan plan = c.maskPlan();
            Tensor masked = interpreter.run(
                    ModelPrograms.forwardMasked(model),
                    c.weights(),
                    List.of(sample, c.timestep(), condition, plan.keep(), plan.restore(), plan.mask()));
            found.add(Parity.of("out_masked", c.tensor("out_masked"), masked, Parity.FORWARD));
            if (model instanceof MdtDenoiser mdt) {
                Tensor around = interpreter.run(
                        ModelPrograms.inpaint(mdt), c.weights(), List.of(sample, c.timestep(), condition, plan.mask()));
                found.add(Parity.of("out_masked by inpaint", c.tensor("out_masked"), around, Parity.FORWARD));
            }
        }
        GuidedModel guided = new GuidedModel(c, interpreter);
        for (ReferenceCase.Guided g : c.guided()) {
            Tensor expected = c.tensor(g.tensor());
            int half = expected.dim(0) / 2;
            float[] x = c.tensor("x").rows(0, half).values();
            float weight = (float) guidance(g.scale(), g.power()).weight(g.timestep());
            float[] both = guided.run(x, GUIDED_CLASSES, g.timestep(), weight);
            found.add(Parity.of(g.tensor(), expected, Tensor.of(both, expected.shape()), Parity.FORWARD));
        }
        return found;
    }

    /** A case of kind {@code trajectory}: the latents after every step. */
    public static List<Parity> trajectory(ReferenceCase c, Interpreter interpreter) {
        Tensor expected = c.tensor("trajectory");
        boolean ddim = c.config("sampler").asText().equals("ddim");
        Guidance guidance = guidance(
                c.config("cfg_scale").asDouble(),
                c.config("scale_pow").isNumber() ? c.config("scale_pow").asDouble() : null);
        NoiseSchedule schedule =
                NoiseSchedule.linear().respace(c.config("steps").asText());
        GuidedModel guided = new GuidedModel(c, interpreter);
        long[] labels = c.tensor("y").indices();
        Tensor start = c.tensor("x_T");
        float[] x = start.values();
        int size = x.length;
        float[] zeros = new float[size];
        List<Step> steps = ddim ? new Ddim(c.config("eta").asDouble()).plan(schedule) : List.of();
        List<Ddpm.Step> ancestral = ddim ? List.of() : Ddpm.plan(schedule);
        float[] result = new float[expected.size()];
        for (int i = 0; i < expected.dim(0); i++) {
            float[] noise =
                    c.has("step_noise") ? c.tensor("step_noise").rows(i, i + 1).values() : zeros;
            int t = ddim ? steps.get(i).timestep() : ancestral.get(i).timestep();
            float[] both = guided.run(x, labels, t, (float) guidance.weight(t));
            float[] output = Arrays.copyOf(both, both.length / 2);
            float[] next = new float[size];
            if (ddim) {
                steps.get(i).coefficients().apply(x, guided.noise(output), zeros, noise, next);
            } else {
                ancestral.get(i).apply(x, output, noise, next, labels.length);
            }
            System.arraycopy(next, 0, result, i * size, size);
            x = next;
        }
        return List.of(Parity.of("trajectory", expected, Tensor.of(result, expected.shape()), Parity.ACCUMULATED));
    }

    /** A case of kind {@code features}: what a DINOv2 gives for pictures of each recorded size. */
    public static List<Parity> features(ReferenceCase c, Interpreter interpreter) {
        Program features = ModelPrograms.features(c.model(DinoV2.class));
        List<Parity> found = new ArrayList<>();
        for (String name : c.names("features.")) {
            Tensor pixels = c.tensor(name.replace("features.", "pixels."));
            Tensor actual = interpreter.run(features, c.weights(), List.of(pixels));
            found.add(Parity.of(name, c.tensor(name), actual, Parity.FORWARD));
        }
        return found;
    }

    /** A case of kind {@code autoencoder}: moments of pictures, and pictures of latents. */
    public static List<Parity> autoencoder(ReferenceCase c, Interpreter interpreter) {
        AutoencoderKl vae = c.model(AutoencoderKl.class);
        Tensor moments = interpreter.run(ModelPrograms.encode(vae), c.weights(), List.of(c.tensor("image")));
        Tensor decoded = interpreter.run(ModelPrograms.decode(vae), c.weights(), List.of(c.tensor("latent")));
        return List.of(
                Parity.of("moments", c.tensor("moments"), moments, Parity.FORWARD),
                Parity.of("decoded", c.tensor("decoded"), decoded, Parity.FORWARD));
    }

    private static Guidance guidance(double scale, @Nullable Double power) {
        return power == null ? new Guidance.Constant(scale) : new Guidance.PowerCosine(scale, power, TRAIN_TIMESTEPS);
    }

    /** The published {@code forward_with_cfg}. */
    private static final class GuidedModel {
        private final ReferenceCase recorded;
        private final Denoiser model;
        private final Interpreter interpreter;
        private final Program forward;

        GuidedModel(ReferenceCase recorded, Interpreter interpreter) {
            this.recorded = recorded;
            this.model = recorded.model();
            this.interpreter = interpreter;
            this.forward = ModelPrograms.forward(model);
        }

        /** The guided output of the conditional half, then that of the unconditional half: [2n,C',H,W] for x [n,C,H,W]. */
        float[] run(float[] x, long[] labels, int timestep, float weight) {
            int n = labels.length;
            float[] doubled = Arrays.copyOf(x, 2 * x.length);
            System.arraycopy(x, 0, doubled, x.length, x.length);
            long[] classes = Arrays.copyOf(labels, 2 * n);
            Arrays.fill(classes, n, 2 * n, model.numClasses());
            float[] times = new float[2 * n];
            Arrays.fill(times, timestep);
            int side = model.inputSize();
            Tensor out = interpreter.run(
                    forward,
                    recorded.weights(),
                    List.of(
                            Tensor.of(doubled, 2 * n, model.inChannels(), side, side),
                            Tensor.of(times, 2 * n),
                            Tensor.ofIndices(classes, 2 * n)));
            float[] conditional = out.rows(0, n).values();
            float[] unconditional = out.rows(n, 2 * n).values();
            float[] weights = new float[n];
            Arrays.fill(weights, weight);
            GuidedChannels.OutputChannels shape =
                    new GuidedChannels.OutputChannels(model.inChannels(), model.outChannels());
            float[] guided = new float[conditional.length];
            GuidedChannels.REFERENCE.combine(conditional, unconditional, weights, shape, guided);
            float[] both = Arrays.copyOf(guided, 2 * guided.length);
            int plane = side * side;
            int first = GuidedChannels.REFERENCE.count(model.inChannels());
            for (int i = 0; i < guided.length; i++) {
                boolean isGuided = i / plane % model.outChannels() < first;
                both[guided.length + i] = isGuided ? guided[i] : unconditional[i];
            }
            return both;
        }

        /** The channels of the noise: [n,C',H,W] to [n,C,H,W]. */
        float[] noise(float[] output) {
            int sample = model.inChannels() * model.inputSize() * model.inputSize();
            int row = model.outChannels() * model.inputSize() * model.inputSize();
            float[] eps = new float[output.length / row * sample];
            for (int i = 0; i < output.length / row; i++) {
                System.arraycopy(output, i * row, eps, i * sample, sample);
            }
            return eps;
        }
    }
}

package org.maskrt.models.reference;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.maskrt.models.diffusion.Edm;
import org.maskrt.models.diffusion.HeunSampler;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.ops.Program;
import org.maskrt.models.ops.Tensor;

/** What an interpreter gives for a recorded case of a MaskDiT: EDM's D, guided and masked, and whole trajectories of its sampler. */
final class EdmChecks {
    private static final double GUIDED_SCALE = 1.5;
    private static final float GUIDED_SIGMA = 1.3f;
    private static final double MASK_RATIO = 0.5;
    private static final int STEPS = 18;

    private final ReferenceCase recorded;
    private final MaskDit model;
    private final Interpreter interpreter;
    private final Program denoised;
    private final Edm edm;

    EdmChecks(ReferenceCase recorded, MaskDit model, Interpreter interpreter) {
        this.recorded = recorded;
        this.model = model;
        this.interpreter = interpreter;
        this.denoised = ModelPrograms.denoised(model);
        this.edm = new Edm(model.config().sigmaData());
    }

    List<Parity> run() {
        Tensor x = recorded.tensor("x");
        float[] sigma = recorded.tensor("sigma").values();
        Tensor labels = recorded.oneHot("labels_onehot");
        List<Parity> found = new ArrayList<>();
        found.add(parity("out", denoised(x, sigma, labels), Parity.FORWARD));

        Tensor noise = recorded.tensor("mask_noise");
        int tokens = noise.dim(1);
        MaskPlan plan = MaskPlan.of(noise.values(), noise.dim(0), tokens, MaskPlan.kept(tokens, MASK_RATIO));
        found.add(Parity.of("mask", recorded.tensor("mask"), plan.mask().reshape(noise.dim(0), tokens), 0));
        found.add(parity(
                "out_masked",
                denoised(x, sigma, labels, plan.keep(), plan.restore(), plan.mask())
                        .values(),
                Parity.FORWARD));

        float[] one = new float[x.dim(0)];
        Arrays.fill(one, GUIDED_SIGMA);
        found.add(parity("guided_w1.5_sigma1.3", guided(x, one, labels), Parity.FORWARD));

        Tensor start = recorded.tensor("sampler.latents");
        Tensor two = Tensor.ofIndices(Arrays.copyOf(labels.indices(), start.dim(0)), start.dim(0));
        found.add(trajectory("sampler.out_18_none", start, two, false));
        found.add(trajectory("sampler.out_18_w1.5", start, two, true));
        return found;
    }

    private Parity trajectory(String name, Tensor start, Tensor labels, boolean guided) {
        double[] end = HeunSampler.of(STEPS)
                .sample(
                        start.values(),
                        (noisy, level) -> {
                            Tensor x = Tensor.of(noisy, start.shape());
                            float[] sigma = new float[start.dim(0)];
                            Arrays.fill(sigma, (float) level);
                            return guided
                                    ? guided(x, sigma, labels)
                                    : denoised(x, sigma, labels).values();
                        },
                        (step, count) -> new float[count]);
        float[] rounded = new float[end.length];
        for (int i = 0; i < end.length; i++) {
            rounded[i] = (float) end[i];
        }
        return parity(name, rounded, Parity.ACCUMULATED);
    }

    /** Guidance on all channels, as MaskDiT publishes it. */
    private float[] guided(Tensor x, float[] sigma, Tensor labels) {
        long[] none = new long[sigma.length];
        Arrays.fill(none, model.numClasses());
        float[] conditional = denoised(x, sigma, labels).values();
        float[] unconditional =
                denoised(x, sigma, Tensor.ofIndices(none, none.length)).values();
        float[] out = new float[conditional.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = unconditional[i] + (float) GUIDED_SCALE * (conditional[i] - unconditional[i]);
        }
        return out;
    }

    private Tensor denoised(Tensor x, float[] sigma, Tensor labels, Tensor... mask) {
        List<Tensor> inputs = new ArrayList<>(List.of(
                x, Tensor.of(edm.scaling(sigma), sigma.length, 3), Tensor.of(Edm.noise(sigma), sigma.length), labels));
        inputs.addAll(List.of(mask));
        return interpreter.run(denoised, recorded.weights(), inputs);
    }

    private Parity parity(String name, Tensor actual, double tolerance) {
        return parity(name, actual.values(), tolerance);
    }

    private Parity parity(String name, float[] actual, double tolerance) {
        Tensor expected = recorded.tensor(name);
        return Parity.of(name, expected, Tensor.of(actual, expected.shape()), tolerance);
    }
}

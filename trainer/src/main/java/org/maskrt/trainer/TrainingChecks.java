package org.maskrt.trainer;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.models.MaskedDenoiser;
import org.maskrt.models.diffusion.Edm;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.reference.ReferenceCase;

/** Losses and gradients of recorded cases, tensor by tensor beside the recorded numbers. */
public final class TrainingChecks {
    private TrainingChecks() {}

    /** A case of kind {@code losses}: x_t, and the terms of the full and the masked pass. */
    public static List<Parity> losses(ReferenceCase c) {
        List<Parity> found = new ArrayList<>();
        Tensor clean = c.tensor("x0");
        double snrCap = DiffusionLoss.publishedSnrCap(c.model());
        int batch = clean.dim(0);
        int[] steps = new int[batch];
        for (int i = 0; i < batch; i++) {
            steps[i] = (int) c.tensor("t").indices()[i];
        }
        try (EagerModel eager = new EagerModel(c.weights())) {
            DiffusionLoss.Noised noised = new DiffusionLoss.Noised(
                    clean.values(),
                    c.tensor("noise").values(),
                    steps,
                    clean.shape().dims());
            Tensor x = Tensor.of(DiffusionLoss.sample(NoiseSchedule.linear(), noised), clean.shape());
            found.add(Parity.of("x_t", c.tensor("x_t"), x, Parity.FORWARD));
            for (String pass : List.of("full", "masked")) {
                if (!c.has(pass + ".loss")) {
                    continue;
                }
                for (String term : List.of("mse", "vb", "loss")) {
                    Tensor actual = eager.run(
                            (ops, p, in) -> {
                                NDArray out = pass.equals("full")
                                        ? c.model().forward(ops, p, in.get(0), in.get(1), in.get(2))
                                        : ((MaskedDenoiser) c.model())
                                                .forwardMasked(
                                                        ops,
                                                        p,
                                                        in.get(0),
                                                        in.get(1),
                                                        in.get(2),
                                                        c.maskPlan().on(ops));
                                DiffusionLoss.Terms terms =
                                        new DiffusionLoss(ops, NoiseSchedule.linear(), snrCap).terms(out, noised);
                                return switch (term) {
                                    case "mse" -> terms.mse();
                                    case "vb" -> terms.vb();
                                    default -> terms.loss();
                                };
                            },
                            x,
                            c.timestep(),
                            c.tensor("y"));
                    String name = pass + "." + term;
                    found.add(Parity.of(name, c.tensor(name), actual, Parity.ACCUMULATED));
                }
            }
        }
        return found;
    }

    /** The losses of a recorded MaskDiT, with all tokens and with half of them. */
    public static List<Parity> edmLosses(ReferenceCase c) {
        MaskDit model = (MaskDit) c.model();
        Tensor clean = c.tensor("images");
        int batch = clean.dim(0);
        Tensor labels = c.oneHot("labels_onehot");
        List<Parity> found = new ArrayList<>();
        try (EagerModel eager = new EagerModel(c.weights())) {
            for (String pass : List.of("loss.full", "loss.masked")) {
                float[] sigma = c.tensor(pass + ".sigma_normal").values();
                for (int i = 0; i < batch; i++) {
                    sigma[i] = EdmObjective.sigma(sigma[i]);
                }
                EdmLoss.Noised noised = EdmLoss.Noised.of(
                        clean.values(), sigma, c.tensor(pass + ".noise_normal").values());
                MaskPlan plan = pass.equals("loss.full") ? null : plan(c.tensor(pass + ".mask_noise"));
                Tensor actual = eager.run(
                        (ops, p, in) -> {
                            EdmLoss loss = new EdmLoss(
                                    ops,
                                    model.config(),
                                    c.config("mae_loss_coef").asDouble());
                            NDArray denoised = model.denoised(
                                    ops,
                                    p,
                                    ops.constant(noised.noisy(), clean.shape().dims()),
                                    ops.constant(loss.edm().scaling(sigma), batch, 3),
                                    ops.constant(Edm.noise(sigma), batch),
                                    in.get(0),
                                    plan == null ? null : plan.on(ops));
                            return loss.of(denoised, noised, plan);
                        },
                        labels);
                found.add(Parity.of(pass, c.tensor(pass), actual, Parity.ACCUMULATED));
            }
        }
        return found;
    }

    private static MaskPlan plan(Tensor noise) {
        return MaskPlan.of(noise.values(), noise.dim(0), noise.dim(1), noise.dim(1) / 2);
    }

    /** The gradients of a case of kind {@code model}: of the mean square of the full and of the masked output, by parameter. */
    public static List<Parity> gradients(ReferenceCase c) {
        List<Parity> found = new ArrayList<>();
        for (String prefix : List.of("grad.", "grad_masked.")) {
            List<String> names = c.names(prefix);
            if (names.isEmpty()) {
                continue;
            }
            Map<String, Tensor> actual = gradients(c, prefix.equals("grad_masked."));
            for (String name : names) {
                Tensor gradient = actual.get(name.substring(prefix.length()));
                if (gradient == null) {
                    throw new IllegalArgumentException(c.name() + ": the model has no parameter for " + name);
                }
                found.add(Parity.of(name, c.tensor(name), gradient, Parity.ACCUMULATED));
            }
        }
        return found;
    }

    private static Map<String, Tensor> gradients(ReferenceCase c, boolean masked) {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        for (String key : c.weights().keys()) {
            if (!c.weights().dtype(key).isIndices()) {
                shapes.put(key, c.weights().shape(key));
            }
        }
        NdParams layout = new NdParams(shapes);
        try (NDManager manager = Torch.engine().newBaseManager(Device.cpu());
                NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NdOps ops = new NdOps(manager);
            NDArray weights = manager.create(layout.flatten(c.weights().source()));
            weights.setRequiresGradient(true);
            Torch.backward(() -> {
                NDArray x = ops.array(c.tensor("x"));
                NDArray t = ops.array(c.timestep());
                NDArray y = ops.array(c.tensor("y"));
                MaskPlan.Masked<NDArray> mask = masked ? c.maskPlan().on(ops) : null;
                NDArray out = mask == null
                        ? c.model().forward(ops, layout.views(weights), x, t, y)
                        : ((MaskedDenoiser) c.model()).forwardMasked(ops, layout.views(weights), x, t, y, mask);
                return out.square().mean();
            });
            return layout.unflatten(weights.getGradient().toFloatArray());
        }
    }
}

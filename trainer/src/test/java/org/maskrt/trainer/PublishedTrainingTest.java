package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.training.GradientCollector;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.ModelPrograms;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.reference.ReferenceCase;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.trainer.DiffusionLoss.Noised;
import org.maskrt.trainer.DiffusionLoss.Terms;

/** Forward passes, losses and gradients of the published PyTorch code, on the same weights. */
class PublishedTrainingTest {
    private static final Path CASES = Path.of("../models/src/test/resources/reference");

    @ParameterizedTest
    @ValueSource(strings = {"dit", "mdtv1", "mdtv2"})
    void forward(String name) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name));
                DjlInterpreter djl = new DjlInterpreter()) {
            List<Parity> all = new ArrayList<>();
            List<Tensor> inputs = List.of(c.tensor("x"), c.timestep(), c.tensor("y"));
            Tensor out = djl.run(ModelPrograms.forward(c.model()), c.weights(), inputs);
            all.add(Parity.of("out", c.tensor("out"), out, Parity.FORWARD));
            if (c.model() instanceof Mdt mdt) {
                List<Tensor> masked = new ArrayList<>(inputs);
                masked.addAll(List.of(
                        c.maskPlan().keep(),
                        c.maskPlan().restore(),
                        c.maskPlan().mask()));
                Tensor hidden = djl.run(ModelPrograms.forwardMasked(mdt), c.weights(), masked);
                all.add(Parity.of("out_masked", c.tensor("out_masked"), hidden, Parity.FORWARD));
            }
            assertPassed(name, all);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"losses_dit", "losses_mdtv1", "losses_mdtv2"})
    void losses(String name) {
        Engine engine = Torch.engine();
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name));
                NDManager manager = engine.newBaseManager();
                NdOps ops = new NdOps(manager);
                NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            Params<NDArray> p = Params.of((path, shape) -> ops.array(c.weights().tensor(path)));
            int[] t = new int[c.tensor("t").size()];
            for (int i = 0; i < t.length; i++) {
                t[i] = (int) c.timestep().values()[i];
            }
            Noised noised = new Noised(
                    c.tensor("x0").values(),
                    c.tensor("noise").values(),
                    t,
                    c.tensor("x0").shape().dims());
            DiffusionLoss diffusion = new DiffusionLoss(ops, NoiseSchedule.linear());
            List<Parity> all = new ArrayList<>();
            Tensor xt = Tensor.of(diffusion.sample(noised), noised.dims());
            all.add(Parity.of("x_t", c.tensor("x_t"), xt, Parity.FORWARD));
            NDArray x = ops.array(xt);
            NDArray time = ops.array(c.timestep());
            NDArray y = ops.array(c.tensor("y"));
            check(c, "full", diffusion.terms(c.model().forward(ops, p, x, time, y), noised), all);
            if (c.model() instanceof Mdt mdt) {
                NDArray out = mdt.forwardMasked(ops, p, x, time, y, c.maskPlan().on(ops));
                check(c, "masked", diffusion.terms(out, noised), all);
            }
            assertPassed(name, all);
        }
    }

    private static void check(ReferenceCase c, String pass, Terms terms, List<Parity> all) {
        Map.of("mse", terms.mse(), "vb", terms.vb(), "loss", terms.loss())
                .forEach((name, actual) -> all.add(Parity.of(
                        pass + "." + name, c.tensor(pass + "." + name), NdOps.tensor(actual), Parity.ACCUMULATED)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"mdtv1", "mdtv2"})
    void gradients(String name) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name))) {
            Mdt model = (Mdt) c.model();
            List<Parity> all = new ArrayList<>();
            gradients(
                    c,
                    "grad.",
                    ops -> {
                        return p -> model.forward(
                                ops, p, ops.array(c.tensor("x")), ops.array(c.timestep()), ops.array(c.tensor("y")));
                    },
                    all);
            gradients(
                    c,
                    "grad_masked.",
                    ops -> {
                        return p -> model.forwardMasked(
                                ops,
                                p,
                                ops.array(c.tensor("x")),
                                ops.array(c.timestep()),
                                ops.array(c.tensor("y")),
                                c.maskPlan().on(ops));
                    },
                    all);
            assertPassed(name, all);
        }
    }

    private static void gradients(
            ReferenceCase c,
            String prefix,
            Function<NdOps, Function<Params<NDArray>, NDArray>> pass,
            List<Parity> all) {
        Engine engine = Torch.engine();
        NdParams layout = new NdParams(WeightCheck.wanted(c.model()));
        try (NDManager manager = engine.newBaseManager();
                NdOps ops = new NdOps(manager);
                NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray flat = manager.create(layout.flatten(c.weights().source()));
            flat.setRequiresGradient(true);
            try (GradientCollector collector = engine.newGradientCollector()) {
                collector.backward(
                        pass.apply(ops).apply(layout.views(flat)).square().mean());
            }
            Map<String, Tensor> gradients = layout.unflatten(flat.getGradient().toFloatArray());
            List<String> names = c.names(prefix);
            assertFalse(names.isEmpty(), c.name() + " has no " + prefix);
            for (String key : names) {
                Tensor gradient = gradients.get(key.substring(prefix.length()));
                all.add(Parity.of(key, c.tensor(key), gradient, Parity.ACCUMULATED));
            }
        }
    }

    private static void assertPassed(String name, List<Parity> all) {
        List<Parity> failed = all.stream().filter(p -> !p.passed()).toList();
        assertTrue(failed.isEmpty(), () -> name + ": " + failed);
        assertEquals(all.size(), all.stream().map(Parity::name).distinct().count());
        all.forEach(p -> System.out.println(name + " " + p));
    }
}

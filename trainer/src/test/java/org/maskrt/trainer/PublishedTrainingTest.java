package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.reference.CaseChecks;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.reference.ReferenceCase;

/** Forward passes, trajectories, losses and gradients of the published PyTorch code, on the same weights. */
class PublishedTrainingTest {
    private static final Path CASES = Path.of("../models/src/test/resources/reference");

    @ParameterizedTest
    @CsvSource({"dit,2", "mdtv1,8", "mdtv2,8", "emd3c,5", "maskdit,6"})
    void forward(String name, int tensors) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name));
                Interpreter djl = new DjlInterpreter()) {
            assertPassed(name, tensors, CaseChecks.model(c, djl));
        }
    }

    @ParameterizedTest
    @CsvSource({"ddim_dit_10_eta0.7", "ddim_mdtv1_10_eta0.0", "ddim_mdtv2_ddim25_eta0.0", "ddpm_mdtv2_10"})
    void trajectories(String name) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name));
                Interpreter djl = new DjlInterpreter()) {
            assertPassed(name, 1, CaseChecks.trajectory(c, djl));
        }
    }

    @ParameterizedTest
    @CsvSource({"losses_dit,4", "losses_mdtv1,7", "losses_mdtv2,7"})
    void losses(String name, int tensors) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name))) {
            assertPassed(name, tensors, TrainingChecks.losses(c));
        }
    }

    @Test
    void edmLosses() {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve("maskdit"))) {
            assertPassed("maskdit", 2, TrainingChecks.edmLosses(c));
        }
    }

    @ParameterizedTest
    @CsvSource({"mdtv1,13", "mdtv2,21"})
    void gradients(String name, int tensors) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name))) {
            assertPassed(name, tensors, TrainingChecks.gradients(c));
        }
    }

    private static void assertPassed(String name, int tensors, List<Parity> all) {
        assertEquals(tensors, all.size(), () -> name + ": " + all);
        all.stream().filter(p -> !p.passed()).findFirst().ifPresent(p -> assertTrue(p.passed(), name + ": " + p));
    }
}

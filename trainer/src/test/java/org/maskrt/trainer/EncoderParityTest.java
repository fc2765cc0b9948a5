package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.reference.CaseChecks;
import org.maskrt.models.reference.ReferenceCase;

/** DINOv2 and AutoencoderKL in DJL against recorded numbers. */
class EncoderParityTest {
    private static final Path CASES = Path.of("../models/src/test/resources/reference");

    @ParameterizedTest
    @ValueSource(strings = {"dinov2", "dinov2_registers", "dinov2_swiglu"})
    void features(String name) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name));
                Interpreter djl = new DjlInterpreter()) {
            CaseChecks.features(c, djl).forEach(parity -> assertTrue(parity.passed(), parity::toString));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"autoencoder", "autoencoder_compvis"})
    void autoencoder(String name) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name));
                Interpreter djl = new DjlInterpreter()) {
            CaseChecks.autoencoder(c, djl).forEach(parity -> assertTrue(parity.passed(), parity::toString));
        }
    }
}

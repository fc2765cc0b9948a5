package org.maskrt.models.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.layers.RelativePositionBias;
import org.maskrt.models.ops.Interpreter;

class ReferenceForwardTest {
    private static final Path CASES = Path.of("src/test/resources/reference");

    @ParameterizedTest
    @CsvSource({"dit, 2", "mdtv1, 8", "mdtv2, 8", "emd3c, 5", "maskdit, 6"})
    void forwardMaskedAndGuided(String name, int tensors) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name));
                Interpreter interpreter = Interpreter.reference()) {
            List<Parity> found = CaseChecks.model(c, interpreter);
            assertEquals(tensors, found.size());
            found.forEach(parity -> assertTrue(parity.passed(), parity::toString));
        }
    }

    @ParameterizedTest
    @CsvSource({"dinov2, 3", "dinov2_registers, 3", "dinov2_swiglu, 2"})
    void featuresOfPictures(String name, int sizes) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name));
                Interpreter interpreter = Interpreter.reference()) {
            List<Parity> found = CaseChecks.features(c, interpreter);
            assertEquals(sizes, found.size());
            found.forEach(parity -> assertTrue(parity.passed(), parity::toString));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"autoencoder", "autoencoder_compvis"})
    void picturesAndLatents(String name) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name));
                Interpreter interpreter = Interpreter.reference()) {
            CaseChecks.autoencoder(c, interpreter).forEach(parity -> assertTrue(parity.passed(), parity::toString));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mdtv1", "mdtv2"})
    void relativePositionIndexIsThePublishedBuffer(String name) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name))) {
            for (String key : c.weights().keys()) {
                if (key.endsWith("relative_position_index")) {
                    assertArrayEquals(
                            RelativePositionBias.index(16),
                            c.weights().tensor(key).indices(),
                            key);
                }
            }
        }
    }
}

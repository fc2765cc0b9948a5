package org.maskrt.models.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.layers.RelativePositionBias;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.ops.Tensor;

class ReferenceForwardTest {
    private static final Path CASES = Path.of("src/test/resources/reference");

    @ParameterizedTest
    @ValueSource(strings = {"dit", "mdtv1", "mdtv2"})
    void forward(String name) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name))) {
            Tensor out = Interpreter.reference()
                    .run(
                            ModelPrograms.forward(c.model()),
                            c.weights().source(),
                            List.of(c.tensor("x"), c.timestep(), c.tensor("y")));
            assertPassed(Parity.of("out", c.tensor("out"), out, Parity.FORWARD));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mdtv1", "mdtv2"})
    void forwardMasked(String name) {
        try (ReferenceCase c = ReferenceCase.open(CASES.resolve(name))) {
            MaskPlan plan = c.maskPlan();
            Tensor out = Interpreter.reference()
                    .run(
                            ModelPrograms.forwardMasked((Mdt) c.model()),
                            c.weights().source(),
                            List.of(
                                    c.tensor("x"),
                                    c.timestep(),
                                    c.tensor("y"),
                                    plan.keep(),
                                    plan.restore(),
                                    plan.mask()));
            assertPassed(Parity.of("out_masked", c.tensor("out_masked"), out, Parity.FORWARD));
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

    private static void assertPassed(Parity parity) {
        assertTrue(parity.passed(), parity::toString);
        System.out.println(parity);
    }
}

package org.maskrt.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.reference.ReferenceCase;

/** Published sampling runs by the reference interpreter. */
class EagerTrajectoryTest {
    private static final Path CASES = Path.of("../models/src/test/resources/reference");

    @ParameterizedTest
    @ValueSource(strings = {"ddim_dit_10_eta0.7", "ddim_mdtv1_10_eta0.0", "ddim_mdtv2_10_eta0.7", "ddpm_mdtv2_10"})
    void everyStepIsAsPublished(String name) {
        try (ReferenceCase recorded = ReferenceCase.open(CASES.resolve(name))) {
            Tensor expected = recorded.tensor("trajectory");
            List<float[]> latents = new EagerTrajectory(Interpreter.reference(), recorded.model(), recorded.weights())
                    .run(Trajectory.of(recorded), NoiseSchedule.linear());
            assertEquals(expected.dim(0), latents.size());
            for (int i = 0; i < latents.size(); i++) {
                Tensor step = expected.rows(i, i + 1);
                Parity parity = Parity.of(
                        name + " step " + i, step, Tensor.of(latents.get(i), step.shape()), Parity.ACCUMULATED);
                assertTrue(parity.passed(), parity::toString);
            }
        }
    }
}

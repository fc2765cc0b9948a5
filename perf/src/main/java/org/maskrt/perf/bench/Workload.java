package org.maskrt.perf.bench;

import java.util.List;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * What is run.
 *
 * @param graph of the model
 * @param batches samples in a run, in turn
 * @param steps of the sampler in whole generations; 0 leaves these out
 * @param inputSize height and width of a preset's latents
 * @param seed of a preset's weights
 */
public record Workload(String graph, List<Integer> batches, int steps, int inputSize, long seed) {
    /** The graph that is measured where none is named. */
    public static final String GUIDED_STEP = "guided_step";

    /** One guided step of one sample, generations of 20 steps, 32x32 latents. */
    public static final Workload DEFAULT = new Workload(GUIDED_STEP, List.of(1), 20, 32, 1);

    /** @throws MaskRtException USAGE for numbers out of range */
    public Workload {
        batches = batches.stream().distinct().sorted().toList();
        if (batches.isEmpty() || batches.get(0) < 1 || steps < 0 || inputSize < 1) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "expected batches and latents of 1 or more and 0 steps or more, got --batch " + batches
                            + " --input-size " + inputSize + " --steps " + steps);
        }
    }

    /** Timesteps that a graph takes which takes several at once. */
    int timesteps() {
        return Math.max(1, steps);
    }
}

package org.maskrt.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.maskrt.models.MaskRtException;

class LossAwareTimestepsTest {
    private static final int STEPS = 4;

    /** Twelve losses for each timestep: the last ten count. */
    private static LossAwareTimesteps taught() {
        LossAwareTimesteps timesteps = new LossAwareTimesteps(STEPS);
        for (int i = 0; i < 12; i++) {
            for (int t = 0; t < STEPS; t++) {
                float loss = i < 2 ? 100 : (t + 1) * (i % 2 == 0 ? 1 : 3);
                timesteps.learn(new int[] {t}, new float[] {loss});
            }
        }
        return timesteps;
    }

    /** sqrt(mean of squares) is (t + 1) sqrt(5), the shares therefore 1, 2, 3 and 4 tenths. */
    private static double probability(int t) {
        return (t + 1) / 10.0 * 0.999 + 0.001 / STEPS;
    }

    @Test
    void drawsInProportionToTheSecondMoment() {
        LossAwareTimesteps timesteps = taught();
        int[] drawn = timesteps.draw(new SplittableRandom(5), 20_000);
        for (int t = 0; t < STEPS; t++) {
            int wanted = t;
            double share = Arrays.stream(drawn).filter(x -> x == wanted).count() / 20_000.0;
            assertEquals(probability(t), share, 0.015, "timestep " + t);
            assertEquals(1 / (STEPS * probability(t)), timesteps.weights(new int[] {t})[0], 1e-6);
        }
    }

    @Test
    void drawsAllAlikeUntilEachHasTenLosses() {
        LossAwareTimesteps timesteps = new LossAwareTimesteps(STEPS);
        for (int i = 0; i < 39; i++) {
            timesteps.learn(new int[] {i % STEPS}, new float[] {i});
        }
        timesteps.draw(new SplittableRandom(5), 1);
        assertArrayEquals(new float[] {1, 1, 1, 1}, timesteps.weights(new int[] {0, 1, 2, 3}), 1e-6f);
        timesteps.learn(new int[] {3}, new float[] {1000});
        timesteps.draw(new SplittableRandom(5), 1);
        assertEquals(true, timesteps.weights(new int[] {3})[0] < 0.5);
    }

    @Test
    void goesOnFromItsState() {
        LossAwareTimesteps timesteps = taught();
        LossAwareTimesteps other = new LossAwareTimesteps(STEPS);
        other.restore(timesteps.state());
        assertArrayEquals(
                timesteps.draw(new SplittableRandom(6), 100), other.draw(new SplittableRandom(6), 100), "draws");
        for (LossAwareTimesteps each : new LossAwareTimesteps[] {timesteps, other}) {
            each.learn(new int[] {0, 0}, new float[] {7, 8});
        }
        timesteps
                .state()
                .forEach((name, values) ->
                        assertArrayEquals(values, other.state().get(name), name));
        MaskRtException e = assertThrows(MaskRtException.class, () -> other.restore(Map.of()));
        assertEquals(
                "the checkpoint's state of loss-aware timesteps: expected 'timestep_losses' with 40 values and"
                        + " 'timestep_loss_counts' with 4, received []; delete the checkpoint to start this stage anew",
                e.getMessage());
    }
}

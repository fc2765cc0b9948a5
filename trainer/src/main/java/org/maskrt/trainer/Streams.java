package org.maskrt.trainer;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/** The random numbers of training: for each purpose and step its own, a function of the run's seed, so that a resumed run draws the same. */
public record Streams(long seed) {
    /** What numbers are drawn for. */
    public enum Purpose {
        TIMESTEP(0),
        NOISE(1),
        MASK(2),
        LABEL_DROP(3),
        POSTERIOR(4),
        SAMPLE(5);

        private static final int COUNT = 6;

        private final int number;

        Purpose(int number) {
            this.number = number;
        }
    }

    public RandomGenerator of(Purpose purpose, long step) {
        SplittableRandom root = new SplittableRandom(seed);
        long runKey = root.nextLong() ^ new SplittableRandom(step * Purpose.COUNT + purpose.number).nextLong();
        return new SplittableRandom(runKey);
    }

    /** Standard normal values. */
    public float[] normal(Purpose purpose, long step, int count) {
        RandomGenerator random = of(purpose, step);
        float[] out = new float[count];
        for (int i = 0; i < count; i++) {
            out[i] = (float) random.nextGaussian();
        }
        return out;
    }
}

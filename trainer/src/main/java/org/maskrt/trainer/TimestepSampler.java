package org.maskrt.trainer;

import java.util.Map;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Draws the timesteps of each step. Not thread-safe. */
interface TimestepSampler {
    int[] draw(RandomGenerator random, int count);

    /** 1 / (T p(t)) of the timesteps that were drawn last; null where all weigh 1. */
    float @Nullable [] weights(int[] timesteps);

    /** Takes the losses of the samples at the timesteps that were drawn last. */
    void learn(int[] timesteps, float[] losses);

    /** What draws depend on beside the random numbers, for a checkpoint. */
    Map<String, float[]> state();

    /** The inverse of {@link #state}. */
    void restore(Map<String, float[]> state);

    /**
     * All timesteps alike.
     *
     * @param steps T
     */
    record Uniform(int steps) implements TimestepSampler {
        @Override
        public int[] draw(RandomGenerator random, int count) {
            return random.ints(count, 0, steps).toArray();
        }

        @Override
        public float @Nullable [] weights(int[] timesteps) {
            return null;
        }

        @Override
        public void learn(int[] timesteps, float[] losses) {}

        @Override
        public Map<String, float[]> state() {
            return Map.of();
        }

        @Override
        public void restore(Map<String, float[]> state) {}
    }
}

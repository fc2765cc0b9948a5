package org.maskrt.calibration;

/** Is shown activations while a model runs. */
@FunctionalInterface
public interface Probe<T> {
    /**
     * Sees {@code x}, [.., channels].
     *
     * @param path of the linear that reads it; of an attention, followed by {@code .q}, {@code .k}, {@code .v} or {@code .softmax}
     */
    void see(String path, T x, int channels);
}

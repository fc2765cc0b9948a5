package org.maskrt.calibration;

import java.util.function.Function;
import java.util.function.Predicate;

/** Shows {@link Observations} the activations of the paths that are wanted, at the timestep that was set last. */
public final class Recorder<T> implements Probe<T> {
    private final Observations observations;
    private final Predicate<String> wanted;
    private final Function<T, float[]> values;
    private int bin;

    /**
     * @param wanted such as {@link QuantisedPaths#LINEARS}
     * @param values the numbers of a tensor, row-major
     */
    public Recorder(Observations observations, Predicate<String> wanted, Function<T, float[]> values) {
        this.observations = observations;
        this.wanted = wanted;
        this.values = values;
    }

    /** What comes from now on belongs to {@code timestep}, as the model is given it. */
    public void at(double timestep) {
        bin = observations.bins().bin(timestep);
    }

    /** @throws org.maskrt.models.MaskRtException (NOT_FINITE) naming the path if a value is NaN or infinite */
    @Override
    public void see(String path, T x, int channels) {
        if (wanted.test(path)) {
            observations.add(path, bin, values.apply(x), channels);
        }
    }
}

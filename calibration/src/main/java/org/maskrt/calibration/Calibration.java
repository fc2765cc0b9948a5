package org.maskrt.calibration;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Records what a network's linears read while it samples pictures. After each picture it is on disk, where another run goes on. */
public final class Calibration {
    /** Is told how far it is. */
    @FunctionalInterface
    public interface Listener {
        /** {@code done} of {@code total}; an exception thrown here ends the work. */
        void progress(int done, int total);
    }

    private final Trajectories trajectories;
    private final List<Trajectories.Picture> pictures;
    private final Predicate<String> wanted;
    private final Observations none;

    /**
     * @param wanted the paths that are recorded
     * @param none observations to begin with, without any yet
     */
    public Calibration(
            Trajectories trajectories,
            List<Trajectories.Picture> pictures,
            Predicate<String> wanted,
            Observations none) {
        this.trajectories = trajectories;
        this.pictures = List.copyOf(pictures);
        this.wanted = wanted;
        this.none = none;
    }

    /** What {@code file} holds if it is the state of this run with every picture in it, otherwise null. */
    public @Nullable Observations finished(Path file, String run) {
        if (!Files.exists(file)) {
            return null;
        }
        CalibrationState state = CalibrationState.read(file, run);
        return state.done() == pictures.size() ? state.observations() : null;
    }

    /**
     * Samples the pictures that {@code file} does not hold yet.
     *
     * @param file of the {@link CalibrationState}; it stays there
     * @param run says what is calibrated and how
     * @param listener is told of runs of the network
     * @throws org.maskrt.models.MaskRtException (NOT_FINITE) naming the path if an activation is not finite, (USAGE) if the file is the state of
     *     another run, or if it cannot be read or written
     */
    public Observations run(Network network, Path file, String run, Listener listener) {
        boolean begun = Files.exists(file);
        CalibrationState state = begun ? CalibrationState.read(file, run) : new CalibrationState(run, 0, none);
        int each = trajectories.evaluations();
        int total = pictures.size() * each;
        for (int i = state.done(); i < pictures.size(); i++) {
            Recorder<float[]> recorder = new Recorder<>(state.observations(), wanted, Function.identity());
            int[] done = {i * each};
            trajectories.run(pictures.get(i), rows -> {
                listener.progress(done[0]++, total);
                recorder.at(rows.timestep().values()[0]);
                return network.run(rows, recorder);
            });
            state = new CalibrationState(run, i + 1, state.observations());
            state.write(file);
        }
        listener.progress(total, total);
        return state.observations();
    }
}

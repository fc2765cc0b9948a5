package org.maskrt.trainer;

import java.util.List;
import java.util.Map;

/** What a model is trained for. */
interface Objective {
    /** The names of what {@link TrainStep#loss} reports. */
    List<String> metrics();

    /** The data of a step and every draw of it that does not depend on what was learnt. Called ahead of the step, by several threads. */
    TrainStep prepare(long step);

    /** What later steps depend on beside the weights, for a checkpoint. */
    default Map<String, float[]> state() {
        return Map.of();
    }

    /** The inverse of {@link #state}. */
    default void restore(Map<String, float[]> state) {}
}

package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Map;
import org.maskrt.models.ops.Params;

/** What a model is trained for. */
interface Objective {
    /** The names of what {@link #loss} reports. */
    List<String> metrics();

    /**
     * The loss of a step, a scalar.
     *
     * @param metrics takes the parts worth a line in the log
     */
    NDArray loss(Params<NDArray> p, long step, Map<String, Float> metrics);
}

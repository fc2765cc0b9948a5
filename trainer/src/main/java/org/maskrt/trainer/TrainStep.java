package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import java.util.Map;
import org.maskrt.models.ops.Params;

/** One step of a training: its batch, whose rows may be computed in parts, one after the other or on several devices at once. */
interface TrainStep {
    /** The size of the batch, B. */
    int size();

    /** Called once, before the first part. */
    default void begin() {}

    /**
     * The mean loss of a part, a scalar; the mean of all parts by their sizes is the loss of the batch. Parts may be computed by several threads.
     *
     * @param metrics takes what is worth a line in the log, as means over the part
     */
    NDArray loss(NdOps ops, Params<NDArray> p, Rows rows, Map<String, Float> metrics);

    /** Called once, after the last part. */
    default void end() {}
}

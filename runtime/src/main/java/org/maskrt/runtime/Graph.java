package org.maskrt.runtime;

import java.util.Map;

/** A loaded graph. Safe for several threads, each with its own {@link Binding}. */
public interface Graph extends AutoCloseable {
    /** The tensors of one run, fixed: running it again reads and writes the same memory. */
    interface Binding {
        /**
         * Reads the inputs, writes the outputs.
         *
         * @throws org.maskrt.models.MaskRtException if the graph or a tensor is closed, or the run fails
         */
        void run();
    }

    /** Inputs and outputs as the file has them: a symbol where any length may be given, a number where the file fixes it. */
    GraphSignature signature();

    /** The largest length that an axis of an input may have. */
    default int most(String input, int axis) {
        return Integer.MAX_VALUE;
    }

    /**
     * Fixes the tensors of a run.
     *
     * @param inputs one tensor for every input, by name
     * @param outputs tensors for the outputs that are wanted, by name
     * @throws org.maskrt.models.MaskRtException if one is missing, unknown, or has another type or shape
     */
    Binding bind(Map<String, ? extends DeviceTensor> inputs, Map<String, ? extends DeviceTensor> outputs);

    /** Waits for runs under way, then frees the graph; closing again does nothing. */
    @Override
    void close();
}

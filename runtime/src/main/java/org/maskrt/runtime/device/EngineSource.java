package org.maskrt.runtime.device;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.maskrt.runtime.GraphSignature;

/** Where engines come from. */
public interface EngineSource extends AutoCloseable {
    /**
     * What an engine takes of the device.
     *
     * @param weights bytes as long as it is loaded
     * @param activations bytes that it needs while it runs with the largest shapes it was built for
     * @param rows the batch of those shapes
     * @param gathers whether it gathers the attention's bias in each run instead of holding it
     */
    record Sizes(long weights, long activations, int rows, boolean gathers) {}

    /** What runs the engines, with its version. */
    String description();

    /**
     * Loads the engine of a graph.
     *
     * @param folder of the graph, in the folder of graphs of a model folder
     * @throws org.maskrt.models.MaskRtException if there is none, or it was built for another graph, device or version
     */
    Engine open(Path folder, GraphSignature graph);

    /** What the engine of a graph takes, without loading it; null if there is none. */
    @Nullable
    Sizes sizes(Path folder);

    /** Frees what loads engines; the engines must be closed before. Closing again does nothing. */
    @Override
    void close();
}

package org.maskrt.runtime;

import java.util.List;
import java.util.Set;

/**
 * How a pipeline shares a device's memory.
 *
 * @param batch pictures that go through the denoiser at once, at most
 * @param bias how the attention's bias is held
 * @param halves whether steps that need one half of the doubled batch have a graph of their own
 * @param onDemand graphs whose engines are loaded only while they run
 * @param tableBytes what tables and latents may take
 * @param bytes what all of it takes
 * @param reasons each choice and why it was made, a line each
 */
public record MemoryPlan(
        int batch, Bias bias, boolean halves, Set<String> onDemand, long tableBytes, long bytes, List<String> reasons) {
    /** How the bias [1,heads,N,N] of each attention is held. */
    public enum Bias {
        /** Gathered once, when the engine was built: memory of all layers. */
        CONSTANT,
        /** Gathered in each step from its small table: memory of one layer. */
        GATHER
    }

    /** Nothing is spared, except that tables of very many steps are made in parts. */
    static final MemoryPlan UNLIMITED =
            new MemoryPlan(Integer.MAX_VALUE, Bias.CONSTANT, true, Set.of(), 1L << 30, 0, List.of());

    public MemoryPlan {
        onDemand = Set.copyOf(onDemand);
        reasons = List.copyOf(reasons);
    }
}

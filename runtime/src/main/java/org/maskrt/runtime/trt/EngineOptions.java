package org.maskrt.runtime.trt;

import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * How an engine is built.
 *
 * @param batches that it takes
 * @param optimizationLevel how long TensorRT searches, 0 to 5
 * @param workspace bytes of device memory that a kernel may use for itself at most; 0 for all there are
 * @param traits what it can besides
 */
public record EngineOptions(Batches batches, int optimizationLevel, long workspace, Set<Trait> traits) {
    /** Batches of 1 to 8, fastest with 2; TensorRT's default level; all memory. */
    public static final EngineOptions DEFAULT = new EngineOptions(new Batches(1, 2, 8), 3, 0, Set.of());

    /** What an engine can besides running. */
    public enum Trait {
        /** Runs on every GPU from Ampere on, more slowly: kernels with more than 48 KiB of shared memory are left out. */
        HARDWARE_COMPATIBLE,
        /** Takes other weights of the same shapes, see {@code maskrt refit}. */
        REFITTABLE,
        /** Is stored without weights, and takes them when it is loaded or refitted. */
        STRIPPED
    }

    public EngineOptions {
        if (optimizationLevel < 0 || optimizationLevel > 5 || workspace < 0) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "an engine: expected an optimisation level of 0 to 5 and a workspace of 0 or more bytes, got "
                            + optimizationLevel + " and " + workspace);
        }
        // a fixed order in files
        traits = Collections.unmodifiableSet(new TreeSet<>(traits));
    }

    /** These options without {@code trait}. */
    EngineOptions without(Trait trait) {
        Set<Trait> others = new TreeSet<>(traits);
        others.remove(trait);
        return new EngineOptions(batches, optimizationLevel, workspace, others);
    }

    /** Whether the engine has {@code trait}. */
    public boolean has(Trait trait) {
        return traits.contains(trait);
    }
}

package org.maskrt.runtime;

import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** A request to stop, which may come from any thread (a signal handler, say) and is met before the next run of a graph. */
public final class Cancellation {
    private volatile boolean requested;

    /** Asks the generation to stop. */
    public void cancel() {
        requested = true;
    }

    /** Whether {@link #cancel} was called. */
    public boolean isRequested() {
        return requested;
    }

    /** Throws INTERRUPTED if this or the current thread's interruption was requested. */
    void check(Stage stage, int done, int total) {
        if (requested || Thread.currentThread().isInterrupted()) {
            throw new MaskRtException(
                    ExitCode.INTERRUPTED,
                    "the generation was interrupted after " + done + " of " + total + " units of the stage "
                            + stage.label() + "; start it again");
        }
    }
}

package org.maskrt.models;

/** What a command tells its caller. */
public enum ExitCode {
    OK(0),
    FAILURE(1),
    USAGE(2),
    /** A native library or a device is missing. */
    ENVIRONMENT(3),
    /** A tolerance or a gate failed. */
    TOLERANCE(4),
    /** NaN or infinity where numbers belong. */
    NOT_FINITE(5),
    INTERRUPTED(130);

    private final int value;

    ExitCode(int value) {
        this.value = value;
    }

    public int value() {
        return value;
    }
}

package org.maskrt.models;

/** An error that the user can act on: its message is one line that says where, what was expected, what was received and what to do. */
public final class MaskRtException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final ExitCode code;

    public MaskRtException(ExitCode code, String message) {
        super(message);
        this.code = code;
    }

    public MaskRtException(ExitCode code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    public ExitCode code() {
        return code;
    }
}

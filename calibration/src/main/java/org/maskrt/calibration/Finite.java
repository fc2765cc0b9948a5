package org.maskrt.calibration;

import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** NaN and infinity have no scale. */
final class Finite {
    private Finite() {}

    /** @throws MaskRtException (NOT_FINITE) naming the first value that is NaN or infinite */
    static void require(String where, float[] values) {
        for (int i = 0; i < values.length; i++) {
            if (!(Math.abs(values[i]) <= Float.MAX_VALUE)) {
                throw new MaskRtException(
                        ExitCode.NOT_FINITE,
                        where + ": expected finite values, received " + values[i] + " at element " + i
                                + "; check the weights with 'maskrt verify', and the inputs");
            }
        }
    }
}

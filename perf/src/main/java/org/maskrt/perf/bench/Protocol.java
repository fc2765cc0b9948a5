package org.maskrt.perf.bench;

import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * How long something is measured, in trtexec's terms.
 *
 * @param warmUpMillis runs for at least this long that do not count
 * @param iterations runs that count, at least
 * @param durationSeconds time that they take together, at least
 */
public record Protocol(double warmUpMillis, int iterations, double durationSeconds) {
    /** trtexec's defaults. */
    public static final Protocol DEFAULT = new Protocol(200, 10, 3);

    /** @throws MaskRtException USAGE for negative times, or no iteration at all */
    public Protocol {
        if (!(warmUpMillis >= 0) || iterations < 1 || !(durationSeconds >= 0)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "expected a warm-up and a duration of 0 or more and 1 iteration or more, got --warm-up "
                            + warmUpMillis + " --duration " + durationSeconds + " --iterations " + iterations);
        }
    }
}

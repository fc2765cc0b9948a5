package org.maskrt.perf.bench;

import org.maskrt.perf.Spread;

/** Whether one time is another. */
public enum Verdict {
    FASTER("faster"),
    SLOWER("slower"),
    NO_DIFFERENCE("no difference that can be seen");

    private final String label;

    Verdict(String label) {
        this.label = label;
    }

    /** As it appears in reports. */
    public String label() {
        return label;
    }

    /**
     * What an interval of ratios says: the whole of it below 1, above 1, or neither.
     *
     * @param runs that it rests on; few say nothing
     */
    public static Verdict of(Spread ratio, int runs) {
        if (runs < Estimate.ENOUGH) {
            return NO_DIFFERENCE;
        }
        return ratio.high() < 1 ? FASTER : ratio.low() > 1 ? SLOWER : NO_DIFFERENCE;
    }
}

package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.maskrt.models.diffusion.DirectionReuse;

/** Both outputs of guided steps of a batch: what a step needs runs, but for unconditional halves that earlier steps make up for. */
final class HalfRuns {
    private final HalfPass pass;
    private final int rows;
    private final List<DirectionReuse> reuse;

    /**
     * For batches of {@code rows}.
     *
     * @param tolerance of {@link DirectionReuse}; 0 reuses nothing
     * @param guided elements of a row's output on which guidance acts
     */
    HalfRuns(HalfPass pass, int rows, double tolerance, int guided) {
        this.pass = pass;
        this.rows = rows;
        reuse = IntStream.range(0, tolerance > 0 ? rows : 0)
                .mapToObj(r -> new DirectionReuse(tolerance, pass.size() / rows, guided))
                .toList();
    }

    /**
     * The outputs [B,C',H,W] that step {@code i} reads.
     *
     * @param effect of the difference of the halves on the predicted picture
     * @return how many rows ran
     */
    int run(int i, SamplingPlan.Halves halves, double effect, float[] conditional, float[] unconditional) {
        int ran = 0;
        if (halves != SamplingPlan.Halves.UNCONDITIONAL) {
            pass.run(i, true, conditional);
            ran += rows;
        }
        boolean both = halves != SamplingPlan.Halves.UNCONDITIONAL && halves != SamplingPlan.Halves.CONDITIONAL;
        if (!both || reuse.isEmpty()) {
            reuse.forEach(row -> row.advance(0));
            if (halves != SamplingPlan.Halves.CONDITIONAL) {
                pass.run(i, false, unconditional);
                ran += rows;
            }
            return ran;
        }
        List<Integer> stale = new ArrayList<>();
        for (int r = 0; r < rows; r++) {
            if (reuse.get(r).advance(effect)) {
                stale.add(r);
            }
        }
        ran += pass.runUnconditional(i, stale, unconditional);
        for (int r = 0; r < rows; r++) {
            if (stale.contains(r)) {
                reuse.get(r).renew(conditional, unconditional, r);
            } else {
                reuse.get(r).fill(conditional, unconditional, r);
            }
        }
        return ran;
    }
}

package org.maskrt.perf;

import java.util.ArrayList;
import java.util.List;

/**
 * Pairs of times of two ways to do the same, taken in turn, by placement of the cores.
 *
 * @param pairs that began and ended in one placement
 * @param dropped pairs during which the placement changed
 */
public record Samples(List<Pair> pairs, int dropped) {
    public Samples {
        pairs = List.copyOf(pairs);
    }

    /**
     * Two neighbouring runs.
     *
     * @param ours milliseconds
     * @param baseline milliseconds
     * @param placement of the cores during both
     */
    public record Pair(double ours, double baseline, CorePlacement.Tag placement) {}

    /**
     * The pairs of one placement in short.
     *
     * @param count of pairs
     * @param median of our times, in milliseconds, with the tenth and ninetieth percentile beside it
     * @param baseline the same of the baseline
     * @param ratio ours over baseline, pair by pair, its median and percentiles
     */
    public record Summary(CorePlacement.Tag placement, int count, Spread median, Spread baseline, Spread ratio) {}

    /** A summary for each placement that occurred. */
    public List<Summary> summaries() {
        List<Summary> found = new ArrayList<>();
        for (CorePlacement.Tag tag : CorePlacement.Tag.values()) {
            List<Pair> in = pairs.stream().filter(p -> p.placement == tag).toList();
            if (!in.isEmpty()) {
                double[] ours = in.stream().mapToDouble(Pair::ours).toArray();
                double[] base = in.stream().mapToDouble(Pair::baseline).toArray();
                double[] ratio =
                        in.stream().mapToDouble(p -> p.ours / p.baseline).toArray();
                found.add(new Summary(tag, in.size(), Spread.of(ours), Spread.of(base), Spread.of(ratio)));
            }
        }
        return found;
    }
}

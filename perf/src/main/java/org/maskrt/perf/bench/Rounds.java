package org.maskrt.perf.bench;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.perf.CorePlacement;

/**
 * Runs of several contenders in turn: a round is one run of each, forwards and backwards in turn, and belongs to the placement of the cores in which it
 * began and ended. Rounds during which the placement changed are dropped.
 */
final class Rounds {
    /** What a single round may need of retries until this many times the wanted number have been tried. */
    private static final int PATIENCE = 4;

    /** Until this many have been tried where none was good. */
    private static final int LAST = 100;

    private final Protocol protocol;
    private final BenchListener listener;

    Rounds(Protocol protocol, BenchListener listener) {
        this.protocol = protocol;
        this.listener = listener;
    }

    /**
     * Measures.
     *
     * @param what for messages
     * @return the times of each trial, in their order
     */
    List<List<Times>> measure(String what, int batch, List<Contender.Trial> trials) {
        warmUp(trials);
        List<Map<CorePlacement.Tag, List<Double>>> kept = new ArrayList<>();
        trials.forEach(t -> kept.add(new EnumMap<>(CorePlacement.Tag.class)));
        long until = System.nanoTime() + (long) (protocol.durationSeconds() * trials.size() * 1e9);
        int wanted = protocol.iterations();
        int good = 0;
        CorePlacement.Tag placement = CorePlacement.now();
        for (int round = 0;
                (good < wanted && round < PATIENCE * wanted)
                        || (good == 0 && round < LAST)
                        || System.nanoTime() < until;
                round++) {
            listener.progress(what, Math.min(good, wanted), wanted);
            double[] millis = new double[trials.size()];
            for (int i = 0; i < millis.length; i++) {
                int trial = round % 2 == 0 ? i : millis.length - 1 - i;
                millis[trial] = trials.get(trial).run();
            }
            CorePlacement.Tag after = CorePlacement.now();
            if (after == placement) {
                good++;
                for (int i = 0; i < millis.length; i++) {
                    kept.get(i).computeIfAbsent(after, t -> new ArrayList<>()).add(millis[i]);
                }
            }
            placement = after;
        }
        if (good == 0) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    what
                            + ": expected the placement of the cores to last for a run, it changed in every one; measure again, on a"
                            + " quieter machine or with more --iterations");
        }
        List<List<Times>> times = new ArrayList<>();
        for (Map<CorePlacement.Tag, List<Double>> one : kept) {
            List<Times> each = new ArrayList<>();
            one.forEach((tag, millis) -> each.add(new Times(batch, tag, millis)));
            times.add(each);
        }
        return times;
    }

    private void warmUp(List<Contender.Trial> trials) {
        for (Contender.Trial trial : trials) {
            long until = System.nanoTime() + (long) (protocol.warmUpMillis() * 1e6);
            do {
                trial.run();
            } while (System.nanoTime() < until);
        }
    }
}

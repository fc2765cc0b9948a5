package org.maskrt.calibration;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Finds the linears that must not be quantised: each is measured alone, on whole trajectories, and then as few of those that drift most stay as they
 * are as let all others together reach a wanted peak signal-to-noise ratio.
 *
 * <p>The ratio is that of the latents at the end, in dB, averaged over pictures; the peak is the range of the exact latents. More kept linears are taken to
 * drift less.
 */
public final class MixedPrecision {
    /** Latents at the end of trajectories. */
    @FunctionalInterface
    public interface Sampler {
        /** Of each picture, with what {@code table} names quantised; it may name nothing. */
        List<float[]> latents(ScaleTable table);
    }

    /**
     * What was found.
     *
     * @param table with the linears that must be kept moved there, and a reason for every linear
     * @param alone dB of each linear quantised alone
     * @param together dB of all that stay quantised
     */
    public record Found(ScaleTable table, Map<String, Double> alone, double together) {
        public Found {
            alone = Map.copyOf(alone);
        }
    }

    /** What equal latents count as. */
    private static final double MOST = 200;

    private final Sampler sampler;

    public MixedPrecision(Sampler sampler) {
        this.sampler = sampler;
    }

    /**
     * The smallest set of linears that must be kept.
     *
     * @param wanted dB
     * @param listener is told of tables that were measured
     */
    public Found within(double wanted, ScaleTable table, Calibration.Listener listener) {
        List<String> paths = new ArrayList<>(table.linears().keySet());
        int total = paths.size() + 2 + Integer.SIZE - Integer.numberOfLeadingZeros(paths.size());
        Measure measure = new Measure(table, total, listener);
        Map<String, Double> alone = new TreeMap<>();
        for (String path : paths) {
            List<String> others = new ArrayList<>(paths);
            others.remove(path);
            alone.put(path, measure.withKept(others));
        }
        paths.sort(Comparator.comparing(alone::get));
        int none = -1;
        int enough = paths.size();
        double reached = MOST;
        while (enough - none > 1) {
            // the first guess is that nothing must be kept
            int tried = none < 0 && enough == paths.size() ? 0 : (none + enough) / 2;
            double psnr = measure.withKept(paths.subList(0, tried));
            if (psnr >= wanted) {
                enough = tried;
                reached = psnr;
            } else {
                none = tried;
            }
        }
        listener.progress(total, total);
        ScaleTable explained = explained(
                table,
                alone,
                paths.subList(0, enough),
                String.format(Locale.ROOT, "all that are quantised together %.1f dB, %.1f wanted", reached, wanted));
        return new Found(explained, alone, reached);
    }

    private static ScaleTable explained(
            ScaleTable table, Map<String, Double> alone, List<String> kept, String together) {
        Map<String, LinearScales> linears = new TreeMap<>();
        Map<String, String> reasons = new TreeMap<>(table.kept());
        table.linears().forEach((path, scales) -> {
            String reason = String.format(Locale.ROOT, "quantised alone %.1f dB; ", alone.get(path)) + together;
            if (kept.contains(path)) {
                reasons.put(path, reason);
            } else {
                linears.put(path, scales.with(reason));
            }
        });
        return new ScaleTable(table.provenance(), table.timestepEdges(), linears, table.tensors(), reasons);
    }

    /** Tables against the exact model. */
    private final class Measure {
        private final ScaleTable table;
        private final int total;
        private final Calibration.Listener listener;
        private final List<float[]> exact;
        private int done;

        Measure(ScaleTable table, int total, Calibration.Listener listener) {
            this.table = table;
            this.total = total;
            this.listener = listener;
            listener.progress(done++, total);
            ScaleTable nothing =
                    new ScaleTable(table.provenance(), table.timestepEdges(), Map.of(), Map.of(), Map.of());
            exact = sampler.latents(nothing);
        }

        double withKept(List<String> kept) {
            listener.progress(Math.min(done++, total), total);
            Map<String, String> reasons = new TreeMap<>();
            kept.forEach(path -> reasons.put(path, "kept"));
            ScaleTable some = table.keeping(reasons);
            double sum = 0;
            List<float[]> latents = sampler.latents(some);
            for (int i = 0; i < exact.size(); i++) {
                sum += psnr(exact.get(i), latents.get(i));
            }
            return sum / exact.size();
        }
    }

    /** In dB. */
    static double psnr(float[] exact, float[] other) {
        double squares = 0;
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < exact.length; i++) {
            double d = (double) exact[i] - other[i];
            squares += d * d;
            low = Math.min(low, exact[i]);
            high = Math.max(high, exact[i]);
        }
        double range = high - low;
        return squares == 0 ? MOST : Math.min(MOST, 10 * Math.log10(range * range * exact.length / squares));
    }
}
